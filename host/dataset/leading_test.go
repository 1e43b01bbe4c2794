package dataset

import (
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
)

// TestLeading_KeepsToTheSize checks sizes that are not a multiple of a group, and sizes smaller than a group.
func TestLeading_KeepsToTheSize(t *testing.T) {
	var x, y []float64
	var rows []int
	for i := range 30 {
		x, y, rows = append(x, float64(i%6)*5), append(y, float64(i/6)*5), append(rows, i)
	}
	g, err := scan.NewGrouper(y, x, scan.Grouping{Gridsize: 2, Batch: 4, Neighbours: 6})
	if err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int]int{1: 4, 4: 4, 6: 4, 8: 8, 11: 8} { // patterns of a batch, in groups of 4
		for i, b := range Leading(g, rows, 4, size) {
			if i < 3 && len(b.Rows) != want {
				t.Errorf("size %d: batch %d has %d patterns, want %d", size, i, len(b.Rows), want)
			}
		}
	}
}
