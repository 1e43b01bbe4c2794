package format

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// diskFile is a file for patterns.
type diskFile struct {
	*os.File
	bytes int64 // requested
}

func (d diskFile) Path() string { return d.Name() }
func (d diskFile) Seal()        {}

// onDisk returns a function for ScanOptions.Create and the file that it last created.
func onDisk(t *testing.T) (create func(int64) (scan.PatternFile, error), last *diskFile) {
	last = &diskFile{}
	return func(bytes int64) (scan.PatternFile, error) {
		f, err := os.Create(filepath.Join(t.TempDir(), "patterns"))
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { f.Close() })
		*last = diskFile{f, bytes}
		return *last, nil
	}, last
}

// kind is a kind of scan.
type kind struct {
	name  string
	stack func([]float64) rawArray
	more  []rawArray
	o     ScanOptions
	want  tensor.DType
	most  int // bytes of a count requested
}

// kinds returns scans of n patterns.
func kinds(n int) []kind {
	mask := make([]uint8, 256)
	for i := range mask {
		mask[i] = 1
	}
	mask[7], mask[100] = 0, 0
	reversed := func(c []float64) rawArray {
		a := raw("intensity", mapped(c, func(k float64) uint16 { return uint16(k) }), 16, 16, n)
		return a
	}
	fortran := func(c []float64) rawArray {
		a := stackU2("intensity")(c)
		a.Fortran = true
		return a
	}
	bright := func(c []float64) rawArray {
		c = slices.Clone(c)
		c[len(c)-300] = 70000
		return raw("intensity", mapped(c, func(k float64) int32 { return int32(k) }), n, 16, 16)
	}
	return []kind{
		{"uint16", stackU2("intensity"), nil, ScanOptions{}, tensor.Uint8, 2},
		{"masked", stackU2("intensity"), []rawArray{raw("mask", mask, 16, 16)}, ScanOptions{}, tensor.Uint8, 2},
		{"selected", stackU2("intensity"), nil, ScanOptions{Rows: "5,7:2000,4000:8200"}, tensor.Uint8, 2},
		{"drawn", stackU2("intensity"), nil, ScanOptions{Draw: 5000, Seed: 3}, tensor.Uint8, 2},
		{"patterns last", reversed, nil, ScanOptions{Layout: LayoutHWN}, tensor.Uint8, 2},
		{"Fortran", fortran, nil, ScanOptions{}, tensor.Uint8, 2},
		{"bright", bright, nil, ScanOptions{}, tensor.Float32, 4},
		{"amplitudes", stackF4("diff3d", math.Sqrt), nil, ScanOptions{}, tensor.Uint8, 4},
		{"normalised", stackF4("diff3d", func(k float64) float64 { return math.Sqrt(k) / 3 }), nil, ScanOptions{Units: Normalised, Photons: 1000}, tensor.Float32, 4},
	}
}

// TestReadScan_InFileEqualsInMemory reads scans of every kind into a file and into memory, and compares every bit.
func TestReadScan_InFileEqualsInMemory(t *testing.T) {
	fixture.Long(t)
	const n = 2*windowCounts/256 + 77 // three windows
	for _, c := range kinds(n) {
		for _, deflated := range []bool{false, true} {
			if deflated && c.name != "selected" && c.name != "normalised" {
				continue
			}
			path := file(t, "scan.npz", archive(t, deflated, append(scanArrays(n, c.stack), c.more...)...))
			want, err := ReadScan(t.Context(), path, c.o)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			var made *diskFile
			c.o.Storage.Create, made = onDisk(t)
			got, err := ReadScan(t.Context(), path, c.o)
			if err != nil {
				t.Fatalf("%s: in a file: %v", c.name, err)
			}
			if got.Counts != nil || got.Stored == nil || got.Stored.DType() != c.want || made.bytes != int64(c.most*got.Len()*256) {
				t.Fatalf("%s: %d counts in memory, %v, file for %d bytes", c.name, len(got.Counts), got.Stored, made.bytes)
			}
			if !slices.Equal(got.Notes, want.Notes) {
				t.Errorf("%s: notes %q, want %q", c.name, got.Notes, want.Notes)
			}
			if got.Fingerprint() != want.Fingerprint() || got.Err() != nil {
				t.Errorf("%s: the scans differ (%v)", c.name, got.Err())
			}
			part, err := got.Select([]int{got.Len() - 1, 0})
			if err != nil || !slices.Equal(part.Pattern(0), want.Pattern(want.Len()-1)) || !slices.Equal(got.Pattern(3), want.Pattern(3)) {
				t.Errorf("%s: single patterns differ (%v)", c.name, err)
			}
		}
	}
}

// TestReadScan_InFileBeyondMemory reads a scan that does not fit in memory, and refuses one whose order needs all of it there.
func TestReadScan_InFileBeyondMemory(t *testing.T) {
	const n = 40000 // 39.1 MiB of counts
	path := file(t, "scan.npz", archive(t, false, scanArrays(n, stackU2("intensity"))...))
	with(t, 1<<20)
	create, _ := onDisk(t)
	if s, err := ReadScan(t.Context(), path, ScanOptions{Storage: scan.Storage{Create: create}}); err != nil || s.Len() != n {
		t.Errorf("%v", err)
	}
	_, err := ReadScan(t.Context(), path, ScanOptions{})
	wantError(t, "in memory", err, path, "need about 206.6 MiB of memory")
}

// TestReadScan_FileErrorIsNotTheScans checks that an error of the file for the patterns does not blame the scan.
func TestReadScan_FileErrorIsNotTheScans(t *testing.T) {
	path := file(t, "scan.npz", archive(t, false, scanArrays(40, stackU2("intensity"))...))
	var found *scan.SpoolError
	_, err := ReadScan(t.Context(), path, ScanOptions{Storage: scan.Storage{Create: func(int64) (scan.PatternFile, error) { return nil, syscall.ENOSPC }}})
	if !errors.As(err, &found) || !errors.Is(err, syscall.ENOSPC) || bytes.Contains([]byte(err.Error()), []byte(path)) {
		t.Errorf("error %v", err)
	}
}
