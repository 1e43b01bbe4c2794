package acquisition_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/tensor"
)

// disk is a file for patterns.
type disk struct{ *os.File }

func (d disk) Path() string { return d.Name() }
func (d disk) Seal()        {}

// stored reads all patterns of a file into a file.
func stored(t *testing.T, a *acquisition.Acquisition) *scan.Scan {
	t.Helper()
	rows := make([]int, a.Patterns)
	for i := range rows {
		rows[i] = i
	}
	s, err := a.Store(t.Context(), rows, true, scan.Storage{Create: func(int64) (scan.PatternFile, error) {
		f, err := os.Create(filepath.Join(t.TempDir(), "patterns"))
		if err == nil {
			t.Cleanup(func() { f.Close() })
		}
		return disk{f}, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore_EqualsRead(t *testing.T) {
	for _, name := range []string{"plain.cxi", "nxcxi.cxi", "i08.h5", "prepared.ptyd", "ptylab.hdf5", "nsls.h5"} {
		want := read(t, name)
		a, err := acquisition.Open(filepath.Join("testdata", name), acquisition.Given{})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		got := stored(t, a)
		if got.Counts != nil || got.Fingerprint() != want.Fingerprint() || !slices.Equal(got.Notes, want.Notes) || got.Err() != nil {
			t.Errorf("%s: the scans differ (%v)", name, got.Err())
		}
	}
}

// TestStore_PixelMarkedLater checks that a pixel is 0 in all patterns when only the last one marks it, and that the mark does not
// widen the stored type.
func TestStore_PixelMarkedLater(t *testing.T) {
	const n, side, pixel = 9, 16, 37
	counts, at := make([]uint16, n*side*side), make([]float64, n)
	for i := range counts {
		counts[i] = uint16(1 + i%7)
	}
	for i := range at {
		at[i] = 1e-6 * float64(i)
	}
	counts[(n-1)*side*side+pixel] = math.MaxUint16
	name := filepath.Join(t.TempDir(), "marked.h5")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := hdf5.NewWriter(f)
	for _, err := range []error{w.Root().Dataset("frames", counts, n, side, side), w.Root().Dataset("y", at, n), w.Root().Dataset("x", at, n), w.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	g := unknown()
	g.Data, g.Y, g.X = "/frames", "/y", "/x"
	a, err := acquisition.Open(name, g)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	s := stored(t, a)
	if s.Mask == nil || s.Mask[pixel] != 0 || s.Stored.DType() != tensor.Uint8 {
		t.Fatalf("mask %v, type %v", s.Mask, s.Stored.DType())
	}
	for i, pattern := range s.All() {
		if pattern[pixel] != 0 || pattern[pixel+1] != float32(counts[i*side*side+pixel+1]) {
			t.Errorf("pattern %d has %v and %v counts, want 0 and %d", i, pattern[pixel], pattern[pixel+1], counts[i*side*side+pixel+1])
		}
	}
}
