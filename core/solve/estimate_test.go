package solve

import (
	"context"
	"math"
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// A probe estimated from the patterns explains them about as well as the true one, and has its size.
func TestEstimateProbe_ExplainsThePatterns(t *testing.T) {
	long(t)
	kinds := []simulate.ProbeKind{simulate.Aberrated}
	if fixture.All() {
		kinds = append(kinds, simulate.Disk, simulate.Gaussian)
	}
	for _, kind := range kinds {
		s, sim := small(t, func(o *simulate.Options) { o.Probe = kind })
		known := mustSolve(t, s, Options{Engine: LSQML, Iterations: 60, Fit: Fit{Probe: true}})
		diameter := scan.ProbeDiameter(s.Probe, s.N)
		s.Probe, s.Modes = nil, 0
		e, err := EstimateProbe(context.Background(), s, ProbeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s.Probe, s.Modes = e.Probe, 1
		r := mustSolve(t, s, Options{Engine: LSQML, Iterations: 60, Fit: Fit{Probe: true}})
		t.Logf("%v: diameter %.1f of %.1f, R %.5f of %.5f, FRC %.4f", kind, e.Diameter, diameter, r.R, known.R, truth(t, r, sim).FRC.Mean)
		if math.Abs(e.Diameter-diameter) > 0.1*diameter || r.R > 1.5*known.R {
			t.Errorf("%v: diameter %v, the true probe's is %v; R %v, with the true probe %v", kind, e.Diameter, diameter, r.R, known.R)
		}
	}
	s, _ := small(t, nil)
	if _, err := EstimateProbe(context.Background(), s, ProbeOptions{Iterations: -1}); err == nil {
		t.Error("-1 iterations were accepted")
	}
}
