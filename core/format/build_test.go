package format

import (
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/internal/fixture"
)

type rawArray = fixture.Array

var (
	raw     = fixture.Raw
	archive = fixture.NPZ
	file    = fixture.Write
)

// wantError checks that err is a *npz.Error, one line that names the file and contains want.
func wantError(t *testing.T, name string, err error, path, want string) {
	t.Helper()
	var e *npz.Error
	switch {
	case !errors.As(err, &e):
		t.Errorf("%s: got %v (%T), want a *npz.Error", name, err, err)
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

func newFile(path string, r io.ReaderAt, size int64) (scanFile, error) {
	z, err := npz.New(path, r, size)
	return scanFile{z}, err
}
