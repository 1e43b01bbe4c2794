package solve

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/simulate"
)

var trialScans = flag.Int("scans", 60, "scans of the trial of the choice")

// trialFaults are the faults of the trial's scans in turn, with the fits that name them.
var trialFaults = []struct {
	faults string
	fits   []string
}{
	{"", nil}, {"defocus=0.34", []string{"probe"}}, {"magnified=1.1", []string{"probe"}}, {"blur=1.5", []string{"probe"}},
	{"jitter=1", []string{"positions"}}, {"jitter=2", []string{"positions"}}, {"jitter=3", []string{"positions"}}, {"modes", []string{"modes"}},
	{"exposure", []string{"intensity"}}, {"background", []string{"background"}}, {"background=0.01", []string{"background"}},
	{"jitter=2,background=0.02", []string{"positions", "background"}},
}

// TestChoose_TrialOnSimulatedScans: on random scans, sound and with faults, the choice fits what is wrong and, except for the
// probe, nothing else.
func TestChoose_TrialOnSimulatedScans(t *testing.T) {
	if !*trial {
		t.Skip("a trial: make trial-calibrate runs it")
	}
	rng, named := rand.New(rand.NewPCG(1, 31)), 0
	for seed := range *trialScans {
		kind := trialFaults[seed%len(trialFaults)]
		o := simulate.Options{
			Seed: uint64(seed), Object: simulate.ObjectKind(rng.IntN(4)), Probe: simulate.ProbeKind(rng.IntN(3)), N: []int{32, 32, 48, 64}[rng.IntN(4)],
			Patterns: 150 + rng.IntN(250), Photons: []float64{2e4, 1e5, 1e6}[rng.IntN(3)],
		}
		o.Height = 2*o.N + rng.IntN(o.N)
		var err error
		if o.Faults, err = simulate.ParseFaults(kind.faults); err != nil {
			t.Fatal(err)
		}
		sim, err := simulate.New(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		s := sim.AsRead()
		c, err := Choose(t.Context(), s, Options{})
		if err != nil {
			t.Fatal(err)
		}
		right := true
		for _, a := range c.Trials {
			if wanted := slices.Contains(kind.fits, a.Name); a.Kept != wanted && (wanted || a.Name != "probe") {
				right = false
			}
		}
		if right {
			named++
		}
		short := func(fit Fit, modes, iterations int) string {
			r := mustSolve(t, s, Options{Iterations: iterations, Fit: fit, Modes: modes})
			e := truth(t, r, sim)
			return fmt.Sprintf("R %.5f, %.1f dB, phase %.3f", r.R, e.AmplitudePSNR, e.PhaseCorrelation)
		}
		t.Logf("%v | %s | %v, %v, N %d, %d, %g | %v | probe 60: %s | chosen %d: %s", right, kind.faults, o.Object, o.Probe, o.N, o.Patterns, o.Photons,
			strings.TrimPrefix(c.String(), "held-out residual "), short(Fit{Probe: true}, 0, chooseIterations), c.Iterations, short(c.Fit, c.Modes, c.Iterations))
	}
	t.Logf("%d of %d scans: what is wrong is fitted, and nothing else", named, *trialScans)
}
