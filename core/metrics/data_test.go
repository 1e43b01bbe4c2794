package metrics

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

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
