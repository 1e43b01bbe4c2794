package dataset

import (
	"runtime/debug"
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
)

// TestEconomise_LargeImageOfFewPatterns checks which scans are reconstructed with an early collection of garbage.
func TestEconomise_LargeImageOfFewPatterns(t *testing.T) {
	const n, wide = 64, 3000 // pixels; an image of 3064² has 215 MiB
	few := make([]float32, 2*n*n)
	for name, c := range map[string]struct {
		data    *scan.Scan
		percent int
	}{
		"small":          {&scan.Scan{N: n, Rows: []float64{0, 10}, Cols: []float64{0, 10}, Counts: few}, 100},
		"large image":    {&scan.Scan{N: n, Rows: []float64{0, wide}, Cols: []float64{0, wide}, Counts: few}, leanCollection},
		"large patterns": {&scan.Scan{N: n, Rows: []float64{0, 10}, Cols: []float64{0, 10}, Counts: make([]float32, largeScan/4)}, leanCollection},
		"empty":          {&scan.Scan{N: n}, 100},
		"largest image":  {&scan.Scan{N: n, Rows: []float64{0, 6600}, Cols: []float64{0, 6600}, Counts: few}, 6}, // of 1 GiB 64 MiB
	} {
		t.Setenv("GOGC", "")
		before := debug.SetGCPercent(100)
		undo := Economise(c.data)
		within := debug.SetGCPercent(100)
		debug.SetGCPercent(within)
		undo()
		after := debug.SetGCPercent(before)
		if within != c.percent || after != 100 {
			t.Errorf("%s: %d %% during the run, want %d %%; %d %% after it", name, within, c.percent, after)
		}
	}
}
