package format

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rawArray is an npy array made by hand, so that the tests do not read with the package's own writer.
type rawArray struct {
	name, descr string
	fortran     bool
	shape       []int
	payload     []byte
}

func (a rawArray) npy() []byte {
	dims := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(a.shape)), ", "), "[]")
	if len(a.shape) == 1 {
		dims += ","
	}
	order := "False"
	if a.fortran {
		order = "True"
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", a.descr, order, dims)
	text += strings.Repeat(" ", 63-(10+len(text))%64) + "\n"
	out := append([]byte("\x93NUMPY\x01\x00"), byte(len(text)), byte(len(text)>>8))
	return append(append(out, text...), a.payload...)
}

// typestr returns the descr of a Go slice's elements, little-endian.
func typestr(values any) string {
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

func raw(name string, values any, shape ...int) rawArray {
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, values); err != nil {
		panic(err)
	}
	return rawArray{name: name, descr: typestr(values), shape: shape, payload: b.Bytes()}
}

// archive zips arrays like numpy.savez (or savez_compressed).
func archive(t testing.TB, deflate bool, arrays ...rawArray) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, a := range arrays {
		h := &zip.FileHeader{Name: a.name + ".npy"}
		if deflate {
			h.Method = zip.Deflate
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(a.npy())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// wantError checks that err is the package's error, one line that names the file and contains want.
func wantError(t *testing.T, name string, err error, path, want string) {
	t.Helper()
	var e *Error
	switch {
	case !errors.As(err, &e):
		t.Errorf("%s: got %v (%T), want a *format.Error", name, err, err)
	case !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n"):
		t.Errorf("%s: %q is not one sentence with the file's name", name, err)
	case !strings.Contains(err.Error(), want):
		t.Errorf("%s: got %q, want %q in it", name, err, want)
	}
}

// scanArrays returns a valid scan of n patterns of 16×16 with integer counts (p·7 + i) mod 23, in the type that stack
// gives.
func scanArrays(n int, stack func(counts []float64) rawArray) []rawArray {
	counts := make([]float64, n*256)
	for i := range counts {
		counts[i] = float64(i / 256 * 7 % 23 * (i % 256) % 23)
	}
	counts[0] = 2 // not a square, so that amplitudes are detected
	rows, cols := make([]float64, n), make([]float64, n)
	for i := range rows {
		rows[i], cols[i] = 10+1.5*float64(i), 20-0.5*float64(i)
	}
	return []rawArray{stack(counts), raw("ycoords", rows, n), raw("xcoords", cols, n)}
}

func stackU2(key string) func([]float64) rawArray {
	return func(c []float64) rawArray {
		return raw(key, mapped(c, func(k float64) uint16 { return uint16(k) }), len(c)/256, 16, 16)
	}
}

func stackF4(key string, f func(float64) float64) func([]float64) rawArray {
	return func(c []float64) rawArray {
		return raw(key, mapped(c, func(k float64) float32 { return float32(f(k)) }), len(c)/256, 16, 16)
	}
}

func mapped[T any](v []float64, f func(float64) T) []T {
	out := make([]T, len(v))
	for i, x := range v {
		out[i] = f(x)
	}
	return out
}

func same(k float64) float64 { return k }

var nan = math.NaN()

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
