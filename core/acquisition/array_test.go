package acquisition_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/hdf5"
)

// A scan over a grid [lines, points] has the patterns of the list, also where a selection begins and ends within a line.
func TestOpen_ReadsGridsOfPatterns(t *testing.T) {
	all := read(t, "expected.npz")
	y, x := make([]float64, 12), make([]float64, 12)
	counts := make([]uint16, len(all.Counts))
	for i, k := range all.Counts {
		counts[i] = uint16(k)
	}
	for i := range y {
		y[i], x[i] = all.Rows[i], all.Cols[i]
	}
	name := filepath.Join(t.TempDir(), "grid.h5")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := hdf5.NewWriter(f)
	for _, err := range []error{w.Root().Dataset("frames", counts, 3, 4, 24, 24), w.Root().Dataset("y", y, 3, 4), w.Root().Dataset("x", x, 3, 4), w.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	g := unknown()
	g.Data, g.Y, g.X, g.Prepare.Side = "/frames", "/y", "/x", 16
	a, err := acquisition.Open(name, g)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, rows := range [][]int{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {2, 3, 4, 5, 6, 7, 8, 9}, {3, 4}, {5, 6}, {1, 7, 8, 11}} {
		s, err := a.Read(context.Background(), rows, false)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range rows {
			for line := range 16 {
				at := r*24*24 + (4+line)*24 + 4
				if !slices.Equal(s.Pattern(i)[16*line:16*line+16], all.Counts[at:at+16]) {
					t.Fatalf("selection %d: pattern %d is not number %d of the grid", rows, i, r)
				}
			}
		}
	}
}
