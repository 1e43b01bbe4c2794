package solve

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/ptychogo/ptycho/core/simulate"
)

// TestSlowStep_TrialOnRandomScans: with the low-frequency step no engine diverges on 200 random scans, sound and with faults; a
// residual that is half above that without the step counts as divergence.
func TestSlowStep_TrialOnRandomScans(t *testing.T) {
	if !*trial {
		t.Skip("a trial: make trial-calibrate runs it")
	}
	const scans = 200
	rng, ratios := rand.New(rand.NewPCG(2, 71)), map[Engine][]float64{}
	for seed := range scans {
		o := simulate.Options{
			Seed: uint64(seed), Object: simulate.ObjectKind(rng.IntN(4)), Probe: simulate.ProbeKind(rng.IntN(3)), N: []int{24, 32, 32, 48}[rng.IntN(4)],
			Patterns: 40 + rng.IntN(200), Photons: []float64{1e3, 1e4, 1e5, 1e6, 1e7}[rng.IntN(5)],
		}
		o.Height = 2*o.N + rng.IntN(o.N)
		kind := trialFaults[rng.IntN(len(trialFaults))]
		var err error
		if o.Faults, err = simulate.ParseFaults(kind.faults); err != nil {
			t.Fatal(err)
		}
		sim, err := simulate.New(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		s, engine := sim.AsRead(), Engines()[seed%len(Engines())]
		fit := Fit{Probe: rng.IntN(2) == 0, Positions: rng.IntN(4) == 0, Background: rng.IntN(4) == 0, Intensity: rng.IntN(4) == 0}
		run := func(plain bool) *Result {
			r, err := Solve(t.Context(), s, Options{Engine: engine, Iterations: 20, Fit: fit, Threads: 1, NoLowFrequency: plain})
			if err != nil && !errors.Is(err, ErrDiverged) {
				t.Fatal(err)
			}
			return r
		}
		with, without := run(false), run(true)
		switch {
		case with == nil && without != nil:
			t.Errorf("scan %d, %s, fit %v: diverges with the step only", seed, engine, fit.Names())
		case with != nil && without != nil:
			ratio := with.R / without.R
			ratios[engine] = append(ratios[engine], ratio)
			if ratio > 1.5 {
				t.Errorf("scan %d, %s, fit %v: R %.5f with the step, %.5f without", seed, engine, fit.Names(), with.R, without.R)
			}
			t.Logf("%d | %s | %s | %v, %v, N %d, %d, %g | %v | %.5f | %.5f | %.3f", seed, engine, kind.faults, o.Object, o.Probe, o.N, o.Patterns, o.Photons, fit.Names(), with.R, without.R, ratio)
			for _, n := range with.Notes {
				t.Logf("%d: %s", seed, n)
			}
		default:
			t.Logf("%d | %s: diverges without the step", seed, engine)
		}
	}
	for _, e := range Engines() {
		least, most, mean := 9.0, 0.0, 0.0
		for _, x := range ratios[e] {
			least, most, mean = min(least, x), max(most, x), mean+x/float64(len(ratios[e]))
		}
		t.Logf("%s: %d scans, R with the step over R without: mean %.3f, least %.3f, most %.3f", e, len(ratios[e]), mean, least, most)
	}
}
