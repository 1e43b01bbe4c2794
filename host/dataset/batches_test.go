package dataset

import "testing"

func TestGroups_FillUpWithoutCountingTwice(t *testing.T) {
	y, x := []float64{0, 1, 2, 3, 4}, []float64{0, 2, 4, 6, 8}
	batches := Groups([]int{0, 1, 2, 3, 4}, y, x, 2, 2)
	if len(batches) != 2 {
		t.Fatalf("%d batches, want 2", len(batches))
	}
	total := float32(0)
	for _, b := range batches {
		if len(b.Rows)%2 != 0 || len(b.Offsets) != 2*len(b.Rows) || len(b.Weights) != len(b.Rows) {
			t.Fatalf("a batch of %d rows, %d offsets, %d weights", len(b.Rows), len(b.Offsets), len(b.Weights))
		}
		for i := 0; i < len(b.Offsets); i += 4 {
			for k := range 2 {
				if s := b.Offsets[i+k] + b.Offsets[i+2+k]; s != 0 {
					t.Errorf("the offsets of a group add up to %v", s)
				}
			}
		}
		for _, w := range b.Weights {
			total += w
		}
	}
	if total != 5 {
		t.Errorf("%v patterns count, want 5", total)
	}
}
