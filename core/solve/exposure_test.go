package solve

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ptychogo/ptycho/core/simulate"
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
	for _, few := range [][]float64{{1}, {0, 0}, {5, 1, 2}} {
		if _, level := exposures(few, rows[:len(few)], cols[:len(few)]); level != nil {
			t.Errorf("%v: levels %v", few, level)
		}
	}
}

// TestExposures_RandomOnesLeaveTheAmplitude fits a scan of random exposures of 0.3 to 1. Factors that start from the counts keep the
// transmission of the object: an amplitude correlation of 0.6; from 1 it is 0.87.
func TestExposures_RandomOnesLeaveTheAmplitude(t *testing.T) {
	long(t)
	faults, err := simulate.ParseFaults("exposure=0.3")
	if err != nil {
		t.Fatal(err)
	}
	s, sim := small(t, func(o *simulate.Options) {
		o.Object, o.Probe, o.N, o.Height, o.Patterns, o.Faults = simulate.Lines, simulate.Gaussian, 32, 96, 400, faults
	})
	r := mustSolve(t, s, Options{Iterations: 40, Engine: EPIE, Fit: Fit{Intensity: true}, ExposureChanges: true})
	if c := float64(truth(t, r, sim).AmplitudeCorrelation); c < 0.8 {
		t.Errorf("amplitude correlation %v, want at least 0.8", c)
	}
}
