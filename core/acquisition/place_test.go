package acquisition_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/scan"
)

// sourceFile is the file of a scan, of which a copy would gain nothing.
type sourceFile struct{ *os.File }

func (f sourceFile) Path() string   { return f.File.Name() }
func (f sourceFile) Modified() bool { return false }

// inPlace reads patterns that may stay in their file.
func inPlace(t *testing.T, a *acquisition.Acquisition, rows []int) *scan.Scan {
	t.Helper()
	s, err := a.Store(t.Context(), rows, true, scan.Storage{
		Create: func(int64) (scan.PatternFile, error) {
			f, err := os.Create(filepath.Join(t.TempDir(), "patterns"))
			if err == nil {
				t.Cleanup(func() { f.Close() })
			}
			return disk{f}, err
		},
		Keep: func(path string, _ int64) scan.SourceFile {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			return sourceFile{f}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// upTo returns the numbers below n.
func upTo(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// TestStore_InPlaceEqualsRead reads all files that are understood, in their file if it has the patterns as they are used.
func TestStore_InPlaceEqualsRead(t *testing.T) {
	files, err := filepath.Glob("testdata/*")
	more, _ := filepath.Glob("testdata/layouts/*")
	if err != nil {
		t.Fatal(err)
	}
	var compared int
	for _, name := range append(files, more...) {
		a, err := acquisition.Open(name, acquisition.Given{})
		if err != nil {
			continue
		}
		want, err := a.Read(t.Context(), upTo(a.Patterns), true)
		if err != nil {
			a.Close()
			continue
		}
		if got := inPlace(t, a, upTo(a.Patterns)); got.Fingerprint() != want.Fingerprint() || got.Err() != nil {
			t.Errorf("%s: the scans differ (%v)", name, got.Err())
		}
		compared++
		a.Close()
	}
	if compared < 10 {
		t.Errorf("%d files were compared", compared)
	}
}

// written returns an HDF5 file with patterns of a type and positions.
func written[T hdf5.Value](t *testing.T, side int, value func(i int) T, s hdf5.Storage) string {
	t.Helper()
	const n = 9
	name := filepath.Join(t.TempDir(), "scan.h5")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	counts, at := make([]T, n*side*side), make([]float64, n)
	for i := range counts {
		counts[i] = value(i)
	}
	for i := range at {
		at[i] = 1e-6 * float64(i)
	}
	w := hdf5.NewWriter(f)
	d := hdf5.Create[T](w.Root(), "frames", []uint64{n, uint64(side), uint64(side)}, s)
	for _, err := range []error{d.Write(counts), w.Root().Dataset("y", at, n), w.Root().Dataset("x", at, n), w.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// TestStore_InPlaceOnlyAsUsed checks which datasets stay in their file: those without chunks, in a type that a backend reads, of patterns that
// are not changed, in consecutive rows.
func TestStore_InPlaceOnlyAsUsed(t *testing.T) {
	const side = 16
	small := func(i int) uint16 { return uint16(1 + i%7) }
	marked := func(i int) uint16 { // in the last pattern
		if i == 8*side*side+5 {
			return 1<<16 - 1
		}
		return small(i)
	}
	g := unknown()
	g.Data, g.Y, g.X = "/frames", "/y", "/x"
	turned, cropped := g, g
	turned.Prepare.Exchange = true
	cropped.Prepare.Side = side
	for _, c := range []struct {
		name  string
		file  string
		given acquisition.Given
		rows  []int
		stays bool
	}{
		{"uint8", written(t, side, func(i int) uint8 { return uint8(i % 9) }, hdf5.Storage{}), g, upTo(9), true},
		{"uint16", written(t, side, small, hdf5.Storage{}), g, upTo(9), true},
		{"float32", written(t, side, func(i int) float32 { return float32(i%7) + 0.5 }, hdf5.Storage{}), g, upTo(9), true},
		{"uint32", written(t, side, func(i int) uint32 { return uint32(i % 9) }, hdf5.Storage{}), g, upTo(9), false},
		{"int16", written(t, side, func(i int) int16 { return int16(i % 9) }, hdf5.Storage{}), g, upTo(9), false},
		{"float64", written(t, side, func(i int) float64 { return float64(i % 9) }, hdf5.Storage{}), g, upTo(9), false},
		{"chunks", written(t, side, small, hdf5.Storage{Rows: 2, Level: 1}), g, upTo(9), false},
		{"marked pixel", written(t, side, marked, hdf5.Storage{}), g, upTo(9), false},
		{"before the marked pixel", written(t, side, marked, hdf5.Storage{}), g, upTo(8), true},
		{"range", written(t, side, small, hdf5.Storage{}), g, []int{3, 4, 5}, true},
		{"gaps", written(t, side, small, hdf5.Storage{}), g, []int{3, 5}, false},
		{"turned", written(t, side, small, hdf5.Storage{}), turned, upTo(9), false},
		{"cropped", written(t, side+4, small, hdf5.Storage{}), cropped, upTo(9), false},
	} {
		a, err := acquisition.Open(c.file, c.given)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		want, err := a.Read(t.Context(), c.rows, true)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got := inPlace(t, a, c.rows)
		if stays := got.Stored.InPlace() != ""; stays != c.stays {
			t.Errorf("%s: stays in the file: %v, want %v", c.name, stays, c.stays)
		}
		if got.Fingerprint() != want.Fingerprint() || !slices.Equal(got.Totals(), want.Totals()) {
			t.Errorf("%s: the scans differ", c.name)
		}
		a.Close()
	}
}
