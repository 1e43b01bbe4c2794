package solve

import (
	"context"
	"math"
	"math/cmplx"
	"testing"

	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/simulate"
)

// plainScores compares a result with the simulated object, with or without its phase ramp.
func plainScores(t testing.TB, r *Result, s *simulate.Scan, ramp bool) metrics.Scores {
	t.Helper()
	e, err := metrics.Evaluate(t.Context(), r.Object, r.Origin, s.Object, [2]float64{}, metrics.PositionsBox(s.Rows, s.Cols), metrics.Options{Ramp: ramp, ScaleAmplitude: true})
	if err != nil {
		t.Fatal(err)
	}
	return e.Raw
}

// changed multiplies the first mode by a ramp and a factor, and shifts it by a part of a pixel; the object gets the
// opposite ramp.
func changed(v *solver, ramp, shift [2]float64, factor complex128) {
	far := make([]complex64, v.size)
	v.plan.ForwardCentred(far, v.probe[0], nil)
	multiplyRamp(far, v.n, [2]float64{shift[0] * 2 * math.Pi / float64(v.n), shift[1] * 2 * math.Pi / float64(v.n)}, -1, factor)
	v.plan.InverseCentred(v.probe[0], far, nil)
	multiplyRamp(v.probe[0], v.n, ramp, 1, 1)
	multiplyRamp(v.object, v.w, ramp, -1, 1)
}

// The ramp of a fitted probe is undone together with its shift: fitted alone it would be wrong by half.
func TestGauge_UndoesRampOfShiftedProbe(t *testing.T) {
	s, sim := small(t, func(o *simulate.Options) { o.Patterns = 20 })
	v, err := newSolver(s, Options{Fit: Fit{Probe: true}, Start: &Start{Object: sim.Object.Complex64(), Height: sim.Object.H, Width: sim.Object.W}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.team.close()
	if _, err := v.start(); err != nil {
		t.Fatal(err)
	}
	changed(v, [2]float64{0.01, -0.006}, [2]float64{0.1, -0.05}, cmplx.Rect(1, 0.7))
	before, err := v.evaluate(context.Background(), false)
	if err != nil {
		t.Fatal(err)
	}
	g := v.fixRamp()
	after, err := v.evaluate(context.Background(), false)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v; R %.6f, then %.6f", *g, before.R, after.R)
	if g.By != GaugeGiven || math.Abs(g.Ramp[0]-0.01) > 2e-4 || math.Abs(g.Ramp[1]+0.006) > 2e-4 {
		t.Errorf("gauge %+v, want the ramp 0.01, -0.006 by the given probe", *g)
	}
	if math.Abs(after.R-before.R) > 1e-3*before.R {
		t.Errorf("R is %v after the ramp was undone and %v before", after.R, before.R)
	}
}

// A given probe that is far from the fitted one cannot fix the ramp, and neither changes.
func TestGauge_LeavesRampOfWrongProbe(t *testing.T) {
	s, _ := small(t, func(o *simulate.Options) { o.Patterns = 20 })
	v, err := newSolver(s, Options{Fit: Fit{Probe: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.team.close()
	far := make([]complex64, v.size)
	v.plan.ForwardCentred(far, v.probe[0], nil)
	for i := range far { // a defocus
		y, x := float64(i/v.n-v.n/2), float64(i%v.n-v.n/2)
		far[i] *= complex64(cmplx.Rect(1, 0.05*(y*y+x*x)))
	}
	v.plan.InverseCentred(v.probe[0], far, nil)
	probe := clone(v.probe[0])
	if g := v.fixRamp(); g.By != GaugeFree || !(g.Misfit > gaugeMisfit) || v.probe[0][v.size/2] != probe[v.size/2] {
		t.Errorf("gauge %+v, want a free ramp", *g)
	}
	v.probe[0][3] = complex64(cmplx.NaN())
	if g := v.fixRamp(); g.By != GaugeFree || g.Misfit != 1 {
		t.Errorf("gauge %+v of a probe that is not finite, want a free ramp", *g)
	}
}

// An estimated probe has no ramp, whatever ramp it had before.
func TestGauge_EstimatedProbeHasNoMeanStep(t *testing.T) {
	s, _ := small(t, func(o *simulate.Options) { o.Patterns = 20 })
	v, err := newSolver(s, Options{Fit: Fit{Probe: true}, ProbeEstimated: true})
	if err != nil {
		t.Fatal(err)
	}
	defer v.team.close()
	multiplyRamp(v.probe[0], v.n, [2]float64{0.2, -0.4}, 1, 1)
	g := v.fixRamp()
	if k := meanStep(v.probe, v.n); g.By != GaugeEstimated || math.Hypot(k[0], k[1]) > 1e-5 {
		t.Errorf("gauge %+v leaves a mean step of %v", *g, k)
	}
}

// On a smooth object the phase agrees with the truth although the probe was fitted.
func TestSolve_FittedProbeKeepsPhase(t *testing.T) {
	long(t)
	s, sim := small(t, func(o *simulate.Options) { o.Object, o.Photons, o.Seed = simulate.Fields, 3e5, 1 })
	r := mustSolve(t, s, Options{Engine: LSQML, Iterations: 15, Fit: Fit{Probe: true}})
	scores := plainScores(t, r, sim, false)
	t.Logf("phase correlation %.4f, with the ramp removed %.4f; %+v", scores.PhaseCorrelation, plainScores(t, r, sim, true).PhaseCorrelation, *r.Gauge)
	if scores.PhaseCorrelation < 0.98 {
		t.Errorf("the phase correlates with the truth by %v, want 0.98 without removing a ramp", scores.PhaseCorrelation)
	}
}
