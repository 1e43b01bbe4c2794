package format

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/hdf5"
)

// The paths, the order of the axes and the units are those that ptypy reads; a round trip alone would pass if writer and reader were wrong alike.
func TestWritePtyd_HasTheLayoutOfPtypy(t *testing.T) {
	s := exampleScan()
	f := writtenPtyd(t, s)
	counts, positions, weights := make([]float64, 3*4*4), []float64(nil), slices.Repeat([]float64{1}, 16)
	for i := range counts {
		counts[i] = float64(1000 * i)
	}
	for i := range s.Rows {
		positions = append(positions, s.Rows[i]*30e-9, s.Cols[i]*30e-9)
	}
	weights[5] = 0 // row 1, column 1
	for _, c := range []struct {
		path, kind string
		shape      []uint64
		want       []float64
	}{
		{"/chunks/0/data", "array", []uint64{3, 4, 4}, counts},
		{"/chunks/0/positions", "array", []uint64{3, 2}, positions},
		{"/chunks/0/indices", "array", []uint64{3}, []float64{0, 1, 2}},
		{"/meta/energy", "scalar", nil, []float64{9.998724}}, // keV, of 0.124 nm
		{"/meta/distance", "scalar", nil, []float64{2}},
		{"/meta/num_frames", "scalar", nil, []float64{3}},
		{"/meta/psize", "array", []uint64{2}, []float64{75e-6, 75e-6}},
		{"/meta/shape", "array", []uint64{2}, []float64{4, 4}},
		{"/meta/center", "array", []uint64{2}, []float64{2, 2}},
		{"/meta/weight2d", "array", []uint64{4, 4}, weights},
		{"/ptycho_report", "string", nil, nil},
	} {
		d, err := f.Dataset(c.path)
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		var got []float64
		if c.want != nil {
			if got, err = hdf5.ReadAll[float64](d); err != nil {
				t.Fatal(err)
			}
		}
		if near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Abs(b) }; !slices.EqualFunc(got, c.want, near) {
			t.Errorf("%s is %v, want %v", c.path, got, c.want)
		}
		if c.shape != nil && !slices.Equal(d.Shape(), c.shape) {
			t.Errorf("%s has the shape %d, want %d", c.path, d.Shape(), c.shape)
		}
		if !hasPtypyType(t, d, c.kind) {
			t.Errorf("%s has not the type %s, without which ptypy does not read it", c.path, c.kind)
		}
	}
}

// writtenPtyd writes a scan and opens the file.
func writtenPtyd(t *testing.T, s *Export) *hdf5.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scan.ptyd")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := WritePtyd(out, s); err != nil {
		t.Fatal(err)
	}
	f, err := hdf5.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// hasPtypyType reports whether a dataset has the attribute by which ptypy reads it.
func hasPtypyType(t *testing.T, d *hdf5.Dataset, want string) bool {
	t.Helper()
	all, err := d.Attributes()
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(all, func(a hdf5.Attribute) bool {
		kind, err := a.Strings()
		return a.Name == "type" && err == nil && len(kind) == 1 && kind[0] == want
	})
}
