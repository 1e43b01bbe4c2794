// Package npztest makes npz archives by hand, so that tests do not read with the writer of core/npz. It is a package of its own
// because the tests of core/npz and core/format share it.
package npztest

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Array is an npy array.
type Array struct {
	Name, Descr string
	Fortran     bool
	Shape       []int
	Payload     []byte
}

// NPY returns the bytes of an npy file.
func (a Array) NPY() []byte {
	dims := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(a.Shape)), ", "), "[]")
	if len(a.Shape) == 1 {
		dims += ","
	}
	order := "False"
	if a.Fortran {
		order = "True"
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", a.Descr, order, dims)
	text += strings.Repeat(" ", 63-(10+len(text))%64) + "\n"
	out := append([]byte("\x93NUMPY\x01\x00"), byte(len(text)), byte(len(text)>>8))
	return append(append(out, text...), a.Payload...)
}

// Typestr returns the descr of a Go slice's elements, little-endian.
func Typestr(values any) string {
	switch values.(type) {
	case []float32:
		return "<f4"
	case []float64:
		return "<f8"
	case []complex64:
		return "<c8"
	case []complex128:
		return "<c16"
	case []uint8:
		return "|u1"
	case []uint16:
		return "<u2"
	case []uint32:
		return "<u4"
	case []uint64:
		return "<u8"
	case []int8:
		return "|i1"
	case []int16:
		return "<i2"
	case []int32:
		return "<i4"
	case []int64:
		return "<i8"
	case []bool:
		return "|b1"
	}
	panic(fmt.Sprintf("no typestr for %T", values))
}

// Raw returns an array with the values of a slice.
func Raw(name string, values any, shape ...int) Array {
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, values); err != nil {
		panic(err)
	}
	return Array{Name: name, Descr: Typestr(values), Shape: shape, Payload: b.Bytes()}
}

// Zip zips arrays like numpy.savez (or savez_compressed).
func Zip(t testing.TB, deflate bool, arrays ...Array) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, a := range arrays {
		h := &zip.FileHeader{Name: a.Name + ".npy"}
		if deflate {
			h.Method = zip.Deflate
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(a.NPY())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// File writes a file into a temporary folder and returns its path.
func File(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
