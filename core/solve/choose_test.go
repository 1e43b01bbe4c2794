package solve

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
)

func faulty(t *testing.T, faults string) *scan.Scan {
	t.Helper()
	all, err := simulate.ParseFaults(faults)
	if err != nil {
		t.Fatal(err)
	}
	_, sim := small(t, func(o *simulate.Options) { o.N, o.Height, o.Patterns, o.Seed, o.Faults = 32, 72, 80, 2, all })
	return sim.AsRead()
}

// The choice fits what is wrong with a scan, and of a sound scan at most the probe.
func TestChoose_FitsWhatIsWrong(t *testing.T) {
	long(t)
	for faults, want := range map[string]string{"": "", "jitter=2": "positions", "background=0.05": "background"} {
		c, err := Choose(t.Context(), faulty(t, faults), Options{Iterations: 10})
		if err != nil {
			t.Fatal(err)
		}
		var kept []string
		for _, a := range c.Trials {
			if a.Kept && a.Name != "probe" {
				kept = append(kept, a.Name)
			}
		}
		if got := strings.Join(kept, ","); got != want || slices.Contains(kept, "modes") != (c.Modes == chooseModes) {
			t.Errorf("%q: kept %q with %d modes, want %q: %v", faults, got, c.Modes, want, c)
		}
	}
}

func TestChoose_KeepsWhatIsFittedAnyway(t *testing.T) {
	long(t)
	c, err := Choose(t.Context(), faulty(t, "exposure=0.5"), Options{Iterations: 5, Fit: Fit{Intensity: true}, Modes: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Fit.Intensity || slices.ContainsFunc(c.Trials, func(a Trial) bool { return a.Name == "intensity" || a.Name == "modes" }) {
		t.Errorf("%+v", c)
	}
}

func TestChoose_FewPatternsFitTheProbe(t *testing.T) {
	s := must(faulty(t, "").Select([]int{1, 2, 3, 4, 5}))
	for errors, want := range map[float64]Fit{0: {Probe: true}, 2: {}} {
		c, err := Choose(t.Context(), s, Options{ProbeErrors: errors})
		if err != nil || c.Fit != want || !strings.Contains(c.String(), "too few") {
			t.Errorf("%v standard errors are needed: %+v, %v, want %+v", errors, c, err, want)
		}
	}
}

// Levels of exposure that Solve fits are fitted in every trial: with a factor of each pattern, R of the held-out ones is 1.4 times as high.
func TestChoose_FitsLevelsOfExposure(t *testing.T) {
	long(t)
	s, _ := small(t, func(o *simulate.Options) { o.N, o.Height, o.Patterns, o.Seed, o.Photons = 32, 128, 240, 1, 1e5 })
	rng := rand.New(rand.NewPCG(1, 4))
	for pattern := range slices.Chunk(s.Counts, s.N*s.N) {
		if rng.IntN(2) == 0 {
			for i, k := range pattern {
				pattern[i] = float32(math.Round(0.12 * float64(k)))
			}
		}
	}
	var residuals []float64
	for _, changes := range []bool{false, true} {
		c, err := Choose(t.Context(), s, Options{Iterations: 60, Modes: 1, Fit: Fit{Intensity: true}, ExposureChanges: changes}, "modes")
		if err != nil {
			t.Fatal(err)
		}
		residuals = append(residuals, c.Residual)
	}
	if !(residuals[1] < 0.85*residuals[0]) {
		t.Errorf("held-out R is %v with levels, %v without", residuals[1], residuals[0])
	}
}

// With few photons more iterations fit noise: held-out patterns end the fit earlier than with many.
func TestChoose_EndsBeforeNoiseIsFitted(t *testing.T) {
	long(t)
	var after []int
	for _, photons := range []float64{300, 1e6} {
		_, sim := small(t, func(o *simulate.Options) {
			o.Object, o.Probe, o.N, o.Height, o.Patterns, o.Photons = simulate.Fields, simulate.Gaussian, 32, 72, 80, photons
		})
		c := &chooser{o: Options{Iterations: 40}, part: sim.AsRead()}
		p, err := c.predict(t.Context(), Fit{}, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		after = append(after, p.iterations)
	}
	if after[0] > 35 || after[1] != 40 {
		t.Errorf("%d iterations with 300 photons a pattern, %d with 1e6", after[0], after[1])
	}
}

// aberrated simulates a scan of 400 patterns with an aberrated probe.
func aberrated(t *testing.T, object simulate.ObjectKind, seed uint64, faults ...simulate.Fault) *scan.Scan {
	t.Helper()
	sim, err := simulate.New(t.Context(), simulate.Options{Object: object, Probe: simulate.Aberrated, N: 32, Patterns: 400, Photons: 1e5, Seed: seed, Faults: faults})
	if err != nil {
		t.Fatal(err)
	}
	return sim.AsRead()
}

// A correct probe that is kept before the factors of frames is dropped when these are.
func TestChoose_DropsProbeThatFactorsReplace(t *testing.T) {
	long(t)
	c, err := Choose(t.Context(), aberrated(t, simulate.Lines, 11, simulate.Fault{Name: "exposure", Strength: 0.3}), Options{}, "probe", "intensity")
	if err != nil {
		t.Fatal(err)
	}
	first, last := c.Trials[0], c.Trials[len(c.Trials)-1]
	if first.Name != "probe" || !first.Kept || last.Name != "probe" || last.Kept || c.Residual != last.Without {
		t.Fatalf("%+v, want the probe kept at first, and dropped at last", c)
	}
	if c.Fit != (Fit{Intensity: true}) || strings.Contains(c.String(), "with probe") || !strings.Contains(c.String(), "gained by probe") {
		t.Errorf("%+v: %v", c.Fit, c)
	}
}

// A probe that predicts held-out patterns hardly better is fitted, unless it has to gain some standard errors.
func TestChoose_ProbeErrors(t *testing.T) {
	long(t)
	s := aberrated(t, simulate.Cells, 12)
	for least, want := range map[float64]bool{0: true, 2: false} {
		c, err := Choose(t.Context(), s, Options{ProbeErrors: least}, "probe")
		if err != nil {
			t.Fatal(err)
		}
		if c.Fit.Probe != want {
			t.Errorf("ProbeErrors %v: %+v, want fitted %v", least, c.Trials, want)
		}
	}
}

// From its third prediction on, a trial goes on as long as it is below its rival after as many iterations.
func TestLeads_BelowTheRival(t *testing.T) {
	rival := []float64{9, 5, 3, 2}
	for _, c := range []struct {
		course []float64
		want   bool
	}{{[]float64{10, 6}, true}, {[]float64{10, 6, 4}, false}, {[]float64{10, 6, 3}, false}, {[]float64{10, 6, 2.5}, true}, {[]float64{10, 6, 4, 3, 1.9}, true}} {
		if leads(c.course, rival) != c.want {
			t.Errorf("course %v against %v: leads %v, want %v", c.course, rival, !c.want, c.want)
		}
	}
}
