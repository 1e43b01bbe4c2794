package scan

import (
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/sweep"
)

// TestMeasured_WholePatterns: of counts in pieces of any length, bytes at first and then wider, whole patterns are measured in order.
func TestMeasured_WholePatterns(t *testing.T) {
	const n, pixels = 40, 9
	all, want := make([]uint16, n*pixels), sweep.Integers(n, pixels, nil)
	for i := range all {
		all[i] = uint16(i * i % 5003)
	}
	for j := range n {
		want.Add(j, all[j*pixels:(j+1)*pixels])
	}
	w := newWriterOf(t, &block{}, n, pixels)
	for from, piece := 0, 1; from < len(all); from, piece = from+piece, piece*2+1 {
		piece = min(piece, len(all)-from)
		if err := AppendIntegers(t.Context(), w, all[from:from+piece]); err != nil {
			t.Fatal(err)
		}
	}
	_, s := w.Patterns()
	got := s.Measured()
	if got == nil || !slices.Equal(got.Hash, want.Hash) || !slices.Equal(got.Total, want.Total) || !slices.Equal(got.Most, want.Most) || !slices.Equal(got.Spikes, want.Spikes) {
		t.Errorf("measured %+v, want %+v", got, want)
	}
	if !slices.Equal(s.Totals(), want.Sum) || s.Part([]int{3}).Measured() != nil || s.Part([]int{3}).Totals()[0] != want.Sum[3] {
		t.Errorf("totals %v, want %v", s.Totals(), want.Sum)
	}
}

// TestMeasured_FollowsChanges: after an Update the patterns are measured as they are then.
func TestMeasured_FollowsChanges(t *testing.T) {
	w := newWriterOf(t, &block{}, 2, 4)
	if err := AppendIntegers(t.Context(), w, []uint16{1, 2, 3, 4, 5, 6, 7, 8}); err != nil {
		t.Fatal(err)
	}
	if err := w.Update(t.Context(), func(counts []float32) { counts[0] = 300 }); err != nil {
		t.Fatal(err)
	}
	if _, s := w.Patterns(); !slices.Equal(s.Totals(), []float64{309, 26}) || s.Measured().Most[0] != 300 {
		t.Errorf("totals %v", s.Totals())
	}
}

// TestMeasured_NotInPart: nothing is said of patterns of which some were not measured, being fractions, missing, or more than announced.
func TestMeasured_NotInPart(t *testing.T) {
	for name, parts := range map[string][][]float32{
		"fractions": {{1, 2, 3, 4}, {5, 6.5, 7, 8}},
		"missing":   {{1, 2, 3, 4}},
		"too many":  {{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}},
	} {
		w := newWriterOf(t, &block{}, 2, 4)
		for _, part := range parts {
			if err := w.Append(t.Context(), part); err != nil {
				t.Fatal(err)
			}
		}
		if _, s := w.Patterns(); s.Measured() != nil || s.Totals() != nil {
			t.Errorf("%s: totals %v", name, s.Totals())
		}
	}
}
