package main_test

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"testing"
)

// writeDark writes a scan of empty patterns, which deflate compresses more than 1000 times. It is larger than the size that is
// always read.
func writeDark(t *testing.T, path string) {
	t.Helper()
	const pixels, patterns = 16 * 16, 70 << 20 / (16 * 16)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for name, shape := range map[string]string{
		"intensity": fmt.Sprintf("(%d, 16, 16)", patterns),
		"xcoords":   fmt.Sprintf("(%d,)", patterns),
		"ycoords":   fmt.Sprintf("(%d,)", patterns),
	} {
		method, kind, bytes := zip.Deflate, "|u1", pixels*patterns
		if name != "intensity" {
			method, kind, bytes = zip.Store, "<f8", 8*patterns
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: method})
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", kind, shape)
		if _, err := fmt.Fprintf(w, "\x93NUMPY\x01\x00\x76\x00%-117s\n", text); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(w, zeros{}, int64(bytes)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// zeros is an endless reader of zeros.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
