package scan

import (
	"strings"
	"testing"
)

func lineScan(rows, cols []float64) *Scan {
	return &Scan{N: 16, Rows: rows, Cols: cols, Counts: make([]float32, 256*len(rows))}
}

func TestCheckPositions_EqualArraysAreRefused(t *testing.T) {
	v := []float64{0, 4, 8, 12, 16}
	if err := lineScan(v, v).CheckPositions(); err == nil || !strings.Contains(err.Error(), "are the same 5 numbers") {
		t.Errorf("%v", err)
	}
	if err := lineScan(v, []float64{0, 4, 8, 12, 17}).CheckPositions(); err != nil {
		t.Errorf("a scan near the diagonal: %v", err)
	}
}

func TestLineNotes_NameTheConstantAxis(t *testing.T) {
	v, same := []float64{0, 4, 8, 12, 16}, []float64{3, 3, 3, 3, 3}
	for says, s := range map[string]*Scan{"the same row": lineScan(same, v), "the same column": lineScan(v, same)} {
		if n := s.LineNotes(); len(n) != 1 || !strings.Contains(n[0], says) {
			t.Errorf("%q, want %q", n, says)
		}
	}
	if n := lineScan(v, []float64{0, 4, 8, 12, 17}).LineNotes(); n != nil {
		t.Errorf("%q", n)
	}
}
