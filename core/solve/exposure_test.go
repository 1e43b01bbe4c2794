package solve

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestExposures_ToldFromTheObject: two levels of exposure are found although the object's transmission changes by a factor of two over the
// scan, and frames of one level are not split.
func TestExposures_ToldFromTheObject(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var rows, cols, one, two, want []float64
	for j := range 300 {
		y, x := 100*rng.Float64(), 100*rng.Float64()
		transmitted := 1e4 * (1 + y/100) * (0.97 + 0.06*rng.Float64())
		level := 1.0
		if j%3 == 0 {
			level = 0.2
		}
		rows, cols, one, two, want = append(rows, y), append(cols, x), append(one, transmitted), append(two, level*transmitted), append(want, level)
	}
	got, level := exposures(two, rows, cols)
	if level == nil || level[0] == level[1] || level[1] != level[2] {
		t.Errorf("levels %v", level)
	}
	for j := range got {
		if r := got[j] / got[1] / (want[j] / want[1]); math.Abs(r-1) > 0.1 {
			t.Fatalf("frame %d: exposure %v of frame 1, want %v", j, got[j]/got[1], want[j])
		}
	}
	if got, level = exposures(one, rows, cols); level != nil {
		t.Errorf("one level: %v", level)
	}
	for j := range got {
		if r := got[j] / got[0] / (one[j] / one[0]); math.Abs(r-1) > 1e-9 {
			t.Fatalf("one level, frame %d: %v, want the counts", j, got[j])
		}
	}
	for _, few := range [][]float64{{1}, {0, 0}, {5, 1, 2}} {
		got, _ := exposures(few, rows[:len(few)], cols[:len(few)])
		for _, e := range got {
			if e < 0 {
				t.Errorf("%v: %v", few, e)
			}
		}
	}
}
