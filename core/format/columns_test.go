package format

import (
	"slices"
	"testing"
)

// Columns of positions, a grid of patterns, and SLAC's names must give the scan of the plain arrays.
func TestReadScan_OtherShapesAndNames(t *testing.T) {
	plain := scanArrays(6, stackU2("diffraction"))
	want, err := ReadScan(t.Context(), file(t, "plain.npz", archive(t, true, plain...)), ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	reshape := func(a rawArray, name string, shape ...int) rawArray {
		a.Name, a.Shape = name, shape
		return a
	}
	for name, arrays := range map[string][]rawArray{
		"columns": {plain[0], reshape(plain[1], "ycoords", 6, 1), reshape(plain[2], "xcoords", 1, 6)},
		"grid":    {reshape(plain[0], "diffraction", 2, 3, 16, 16), plain[1], plain[2]},
		"nominal": {plain[0], reshape(plain[1], "ycoords_start", 6), reshape(plain[2], "xcoords_start", 6)},
	} {
		got, err := ReadScan(t.Context(), file(t, "other.npz", archive(t, true, arrays...)), ScanOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(got.Counts, want.Counts) || !slices.Equal(got.Rows, want.Rows) || !slices.Equal(got.Cols, want.Cols) {
			t.Errorf("%s: other values", name)
		}
	}
	_, _, path, err := read(t, ScanOptions{}, plain[0], reshape(plain[1], "ycoords", 2, 3), plain[2])
	wantError(t, "a table of positions", err, path, "ycoords has shape [2, 3]")
}
