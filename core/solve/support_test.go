package solve

import (
	"context"
	"math/rand/v2"
	"slices"
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

// TestCheckSupport_AcceptsChangingExposure multiplies patterns by random exposures of 0.3 to 1: doubtful only with wrong positions.
func TestCheckSupport_AcceptsChangingExposure(t *testing.T) {
	even, _ := small(t, func(o *simulate.Options) { o.Object, o.N, o.Height, o.Patterns = simulate.Lines, 32, 96, 200 })
	s := *even
	s.Counts = nil
	r := rand.New(rand.NewPCG(3, 1))
	for _, pattern := range even.All() {
		exposure := float32(0.3 + 0.7*r.Float64())
		for _, k := range pattern {
			s.Counts = append(s.Counts, exposure*k)
		}
	}
	if got, err := CheckSupport(t.Context(), &s, 1); err != nil || got.Doubtful() {
		t.Errorf("right positions: %v, %v: want not doubtful", got, err)
	}
	s.Rows, s.Cols = slices.Concat(s.Rows[37:], s.Rows[:37]), slices.Concat(s.Cols[37:], s.Cols[:37])
	if got, err := CheckSupport(t.Context(), &s, 1); err != nil || !got.Doubtful() {
		t.Errorf("positions in another order: %v, %v: want doubtful", got, err)
	}
}
