package metrics

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// sharedData is the path of a file in ../shared/data beside the repository; the test is skipped when it is absent.
func sharedData(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs ../shared/data/%s: %v", name, err)
	}
	return path
}

var npyShape = regexp.MustCompile(`'shape': \(([^)]*)\)`)

// readNPY reads a little-endian array in C order from a trusted archive into T, which must match its element type.
func readNPY[T any](t *testing.T, path, name string) (data []T, shape []int) {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	f, err := z.Open(name + ".npy")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	head := 10 + int(binary.LittleEndian.Uint16(raw[8:]))
	if bytes.Contains(raw[:head], []byte("'fortran_order': True")) {
		t.Fatalf("%s is in Fortran order", name)
	}
	count := 1
	for _, s := range strings.Split(string(npyShape.FindSubmatch(raw[:head])[1]), ",") {
		if s = strings.TrimSpace(s); s != "" {
			d, err := strconv.Atoi(s)
			if err != nil {
				t.Fatal(err)
			}
			shape = append(shape, d)
			count *= d
		}
	}
	data = make([]T, count)
	if err := binary.Read(bytes.NewReader(raw[head:]), binary.LittleEndian, data); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return data, shape
}
