package solve

import (
	"context"
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
)

// TestCheckSupport_DoubtsWrongPositions changes the positions of a valid scan without changing their statistics.
func TestCheckSupport_DoubtsWrongPositions(t *testing.T) {
	right, _ := small(t, func(o *simulate.Options) { o.N, o.Height, o.Patterns = 32, 96, 200 })
	for name, c := range map[string]struct {
		order [2]int // rows and columns are those of the patterns this many further on
		want  bool
	}{
		"as they are":         {[2]int{0, 0}, false},
		"another order":       {[2]int{37, 37}, true},
		"rows of other scans": {[2]int{37, 0}, true},
	} {
		changed := *right
		changed.Rows, changed.Cols = make([]float64, right.Len()), make([]float64, right.Len())
		for j := range right.Rows {
			changed.Rows[j], changed.Cols[j] = right.Rows[(j+c.order[0])%right.Len()], right.Cols[(j+c.order[1])%right.Len()]
		}
		s, err := CheckSupport(context.Background(), &changed, 1)
		if err != nil || s.Doubtful() != c.want {
			t.Errorf("%s: %+v, doubtful %v, want %v, %v", name, s, s.Doubtful(), c.want, err)
		}
	}
	few, err := right.Select([]int{0, 1, 2})
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*scan.Scan{"three patterns": few, "no probe": {N: 32, Rows: right.Rows, Cols: right.Cols}} {
		if s, err := CheckSupport(context.Background(), s, 1); err != nil || s.Doubtful() {
			t.Errorf("%s: %+v, %v: want not doubtful", name, s, err)
		}
	}
}
