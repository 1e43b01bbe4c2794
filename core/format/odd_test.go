package format

import (
	"context"
	"math"
	"testing"
)

// TestReadScan_OddSideBecomesEven reads patterns of 17×17 pixels: the zero frequency, pixel (8, 8), stays at N/2 of the 16×16 that are used,
// whose object pixels are 17/16 as large.
func TestReadScan_OddSideBecomesEven(t *testing.T) {
	const n, side, even = 20, 17, 16
	counts, rows, cols := make([]float64, n*side*side), make([]float64, n), make([]float64, n)
	for i := range counts {
		counts[i] = float64(i % 251)
	}
	for i := range rows {
		rows[i], cols[i] = 10+1.5*float64(i), 20-0.5*float64(i)
	}
	path := file(t, "odd.npz", archive(t, true, raw("diff3d", mapped(counts, func(k float64) uint16 { return uint16(k) }), n, side, side), raw("ycoords", rows, n), raw("xcoords", cols, n)))
	s, err := ReadScan(context.Background(), path, ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if s.N != even {
		t.Fatalf("N is %d", s.N)
	}
	for _, p := range [][3]int{{0, 0, 0}, {3, 8, 8}, {19, 15, 15}, {7, 2, 13}} {
		if got, want := s.Pattern(p[0])[p[1]*even+p[2]], counts[(p[0]*side+p[1])*side+p[2]]; float64(got) != want {
			t.Errorf("pattern %d, pixel (%d, %d) has %v counts, want %v", p[0], p[1], p[2], got, want)
		}
	}
	if want := rows[4] * even / side; math.Abs(s.Rows[4]-want) > 1e-9 {
		t.Errorf("position 4 is at row %v, want %v", s.Rows[4], want)
	}
}
