package solve

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
)

// small returns a simulated scan that every engine solves in a second.
func small(t testing.TB, change func(*simulate.Options)) (*scan.Scan, *simulate.Scan) {
	t.Helper()
	o := simulate.Options{Object: simulate.Blocks, Probe: simulate.Aberrated, N: 48, Height: 128, Patterns: 150, Seed: 5}
	if change != nil {
		change(&o)
	}
	s, err := simulate.New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return asScan(s), s
}

func asScan(s *simulate.Scan) *scan.Scan {
	out := &scan.Scan{N: s.N, Counts: slices.Clone(s.Counts), Rows: slices.Clone(s.Rows), Cols: slices.Clone(s.Cols), Modes: 1}
	for _, p := range s.Probe {
		out.Probe = append(out.Probe, complex64(p))
	}
	return out
}

// long skips a test under -short, which the race detector runs with.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes seconds: not with -short")
	}
}

func mustSolve(t testing.TB, s *scan.Scan, o Options) *Result {
	t.Helper()
	r, err := Solve(context.Background(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// truth compares a result with the simulated object.
func truth(t *testing.T, r *Result, s *simulate.Scan) metrics.Scores {
	t.Helper()
	e, err := metrics.Evaluate(t.Context(), r.Object, r.Origin, s.Object, [2]float64{}, metrics.PositionsBox(s.Rows, s.Cols), metrics.Options{Ramp: true, ScaleAmplitude: true})
	if err != nil {
		t.Fatal(err)
	}
	return e.Raw
}

// With the true probe every engine finds the truth approximately, and explains the patterns within some multiples of
// their noise.
func TestSolve_EveryEngineFindsTheObject(t *testing.T) {
	long(t)
	s, sim := small(t, nil)
	for _, c := range []struct {
		engine     Engine
		iterations int
		r, frc     float64
	}{
		{EPIE, 40, 0.0035, 0.98}, {RPIE, 40, 0.0012, 0.99}, {DifferenceMap, 40, 0.002, 0.98}, {RAAR, 40, 0.0010, 0.99},
		{LSQML, 40, 0.0010, 0.99}, {Adam, 60, 0.002, 0.99},
	} {
		t.Run(string(c.engine), func(t *testing.T) {
			r := mustSolve(t, s, Options{Engine: c.engine, Iterations: c.iterations})
			e := truth(t, r, sim)
			t.Logf("R %.5f, deviance %.3f of %.3f, FRC %.4f, phase corr. %.4f, amplitude corr. %.4f; %s", r.R, r.Deviance, r.Expected, e.FRC.Mean, e.PhaseCorrelation, e.AmplitudeCorrelation, r.Ended)
			if r.R > c.r || float64(e.FRC.Mean) < c.frc {
				t.Errorf("R %v and FRC %v, want at most %v and at least %v", r.R, e.FRC.Mean, c.r, c.frc)
			}
			fit, err := metrics.Residual(context.Background(), r.Object, r.Origin, metrics.Patterns{N: s.N, Rows: s.Rows, Cols: s.Cols,
				Probe: [][]complex128{sim.Probe}, Counts: metrics.CountsIn(s.Counts, s.N, nil)}, metrics.FitOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if d := math.Abs(float64(fit.R) - r.R); d > 0.05*r.R {
				t.Errorf("R is %v here and %v by core/metrics: not one model", r.R, fit.R)
			}
		})
	}
}

func TestSolve_IndependentOfThreads(t *testing.T) {
	long(t)
	s, _ := small(t, func(o *simulate.Options) { o.N, o.Height, o.Patterns = 32, 96, 100 })
	for _, e := range Engines() {
		var first *Result
		for _, threads := range []int{1, 2, 5} {
			r := mustSolve(t, s, Options{Engine: e, Iterations: 3, Fit: Fit{Probe: true, Background: true, Positions: true, Intensity: true}, Modes: 2, Threads: threads})
			if first == nil {
				first = r
				continue
			}
			if !slices.Equal(r.Object.Data, first.Object.Data) || !slices.Equal(r.Probe, first.Probe) || !slices.Equal(r.Background, first.Background) ||
				!slices.Equal(r.Rows, first.Rows) || !slices.Equal(r.Intensity, first.Intensity) || r.Final != first.Final || !slices.Equal(r.History, first.History) {
				t.Errorf("%s: %d threads give other bits than one", e, threads)
			}
		}
	}
}

func TestSolve_SeedOrdersPatterns(t *testing.T) {
	s, _ := small(t, nil)
	a, b := mustSolve(t, s, Options{Iterations: 2}), mustSolve(t, s, Options{Iterations: 2, Seed: 1})
	if slices.Equal(a.Object.Data, b.Object.Data) {
		t.Error("two seeds give the same object")
	}
}

func TestBatches_EveryPatternOnceAndApart(t *testing.T) {
	s, _ := small(t, func(o *simulate.Options) { o.Height = 400; o.Patterns = 500 })
	v, err := newSolver(s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.team.close()
	order, crowd := v.batches(3, 8, v.breadth())
	var all []int
	for b, batch := range order[:len(order)-5] { // the last have no choice
		if crowd[b] != 1 {
			t.Errorf("batch %d overlaps", b)
		}
		all = append(all, batch...)
	}
	for _, batch := range order[len(order)-5:] {
		all = append(all, batch...)
	}
	slices.Sort(all)
	for i, j := range all {
		if i != j {
			t.Fatalf("pattern %d is missing or there twice", i)
		}
	}
}

func TestSolve_MaskedPixelsIgnored(t *testing.T) {
	long(t)
	s, sim := small(t, nil)
	clean := mustSolve(t, s, Options{Engine: LSQML})
	s.Mask = make([]uint8, s.N*s.N)
	for i := range s.Mask {
		if y, x := i/s.N, i%s.N; !(y > 20 && y < 24 && x > 10) { // a dead stripe through the beam
			s.Mask[i] = 1
		}
	}
	for i := range s.Counts {
		s.Counts[i] *= float32(s.Mask[i%len(s.Mask)])
	}
	masked := mustSolve(t, s, Options{Engine: LSQML})
	s.Mask = nil
	wrong := mustSolve(t, s, Options{Engine: LSQML})
	a, b, c := truth(t, clean, sim).FRC.Mean, truth(t, masked, sim).FRC.Mean, truth(t, wrong, sim).FRC.Mean
	t.Logf("FRC %.4f, masked %.4f, the same pixels taken for dark %.4f; R %.5f %.5f %.5f", a, b, c, clean.R, masked.R, wrong.R)
	if b < a-0.05 || b < c+0.02 || masked.R > 1.6*clean.R {
		t.Errorf("FRC %v with a stripe masked, %v whole, %v with the stripe dark", b, a, c)
	}
}

func TestSolve_UncoveredIsZero(t *testing.T) {
	s, _ := small(t, nil)
	var rows []int
	for j := range s.Rows { // two islands
		if y := s.Rows[j] + s.Cols[j]; y < 70 || y > 180 {
			rows = append(rows, j)
		}
	}
	s, err := s.Select(rows)
	if err != nil {
		t.Fatal(err)
	}
	r := mustSolve(t, s, Options{Iterations: 2, Fit: Fit{Positions: true}})
	bare := 0
	for i, c := range r.Coverage.Data {
		if c == 0 {
			bare++
			if r.Object.Data[i] != 0 {
				t.Fatalf("pixel %d is %v without coverage", i, r.Object.Data[i])
			}
		}
	}
	if bare < 100 {
		t.Errorf("%d pixels without coverage: the scan has corners without patterns", bare)
	}
}

func TestSolve_FindsBackground(t *testing.T) {
	long(t)
	const level = 3
	s, sim := small(t, func(o *simulate.Options) { o.Background = level })
	without := mustSolve(t, s, Options{Iterations: 30, Engine: LSQML, Fit: Fit{Probe: true}})
	r := mustSolve(t, s, Options{Iterations: 60, Engine: LSQML, Fit: Fit{Probe: true, Background: true}})
	mean := 0.0
	for _, b := range r.Background {
		mean += float64(b) / float64(len(r.Background))
	}
	t.Logf("background %.3f; R %.5f, without %.5f; FRC %.4f, %.4f", mean, r.R, without.R, truth(t, r, sim).FRC.Mean, truth(t, without, sim).FRC.Mean)
	// Amplitudes of Poisson counts are biased: the mean of √k is √(λ − 1/4).
	if mean < level-0.6 || mean > level+0.3 || r.R > 0.6*without.R {
		t.Errorf("background %v, want %v; R %v, without it %v", mean, level, r.R, without.R)
	}
	sum := 0.0
	for _, b := range r.Background {
		sum += float64(b)
	}
	for _, p := range r.Probe {
		sum += float64(abs2(p))
	}
	counts := 0.0
	for _, k := range s.Counts {
		counts += float64(k) / float64(s.Len())
	}
	if math.Abs(sum-counts) > 1e-4*counts {
		t.Errorf("probe and background make %v counts a pattern, measured are %v", sum, counts)
	}
}

func TestSolve_FindsIntensities(t *testing.T) {
	long(t)
	s, _ := small(t, nil)
	want := make([]float64, s.Len())
	mean := 0.0
	rng := rand.New(rand.NewPCG(4, 4))
	for j := range want {
		want[j] = 0.8 + 0.4*rng.Float64()
		mean += want[j] / float64(len(want))
		for i, k := range s.Pattern(j) {
			s.Counts[j*s.N*s.N+i] = float32(math.Round(float64(k) * want[j]))
		}
	}
	r := mustSolve(t, s, Options{Iterations: 40, Engine: LSQML, Fit: Fit{Intensity: true}})
	square := 0.0
	for j, c := range r.Intensity {
		off := c*mean/want[j] - 1
		square += off * off / float64(len(want))
	}
	// The factors spread by 0.115.
	if off := math.Sqrt(square); off > 0.02 {
		t.Errorf("intensities are off by %v RMS", off)
	}
}

// rms returns the difference of two lists of positions without their means: a common shift belongs to the object.
func rms(rows, cols, trueRows, trueCols []float64) float64 {
	sum, n := 0.0, float64(len(rows))
	for _, p := range [][2][]float64{{rows, trueRows}, {cols, trueCols}} {
		mean, square := 0.0, 0.0
		for j, a := range p[0] {
			mean += (a - p[1][j]) / n
		}
		for j, a := range p[0] {
			d := a - p[1][j] - mean
			square += d * d / n
		}
		sum += square / 2
	}
	return math.Sqrt(sum)
}

func TestSolve_RecoversPositions(t *testing.T) {
	long(t)
	s, sim := small(t, func(o *simulate.Options) { o.N, o.Height, o.Patterns, o.Seed = 64, 160, 200, 3 })
	rng := rand.New(rand.NewPCG(1, 1))
	for j := range s.Rows {
		s.Rows[j] += 2 * (2*rng.Float64() - 1)
		s.Cols[j] += 2 * (2*rng.Float64() - 1)
	}
	r := mustSolve(t, s, Options{Engine: LSQML, Iterations: 100, Fit: Fit{Positions: true, Affine: true}})
	before, after := rms(s.Rows, s.Cols, sim.Rows, sim.Cols), rms(r.Rows, r.Cols, sim.Rows, sim.Cols)
	t.Logf("positions off by %.3f px, fitted by %.3f px; R %.5f", before, after, r.R)
	if after > 0.1 {
		t.Errorf("positions jittered by up to 2 px are off by %v px RMS after the fit", after)
	}
	for j := range r.Rows {
		if max(math.Abs(r.Rows[j]-s.Rows[j]), math.Abs(r.Cols[j]-s.Cols[j])) > 4+1e-6 {
			t.Fatalf("position %d went beyond the bound of 4 px", j)
		}
	}
}

func TestSolve_StopsWithoutImprovement(t *testing.T) {
	long(t)
	s, _ := small(t, nil)
	r := mustSolve(t, s, Options{Engine: LSQML, Iterations: 500, Patience: 5})
	if r.Ended != "converged" || len(r.History) >= 500 {
		t.Errorf("ended %q after %d iterations", r.Ended, len(r.History))
	}
}

func TestSolve_Rejects(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*scan.Scan, *Options)
		want   string
	}{
		"an unknown engine":         {func(_ *scan.Scan, o *Options) { o.Engine = "magic" }, "magic"},
		"no iterations":             {func(_ *scan.Scan, o *Options) { o.Iterations = -1 }, "--iterations is -1"},
		"too many modes":            {func(_ *scan.Scan, o *Options) { o.Modes = 99 }, "--modes is 99"},
		"a negative step":           {func(_ *scan.Scan, o *Options) { o.ObjectStep = -1 }, "steps"},
		"falling steps of ePIE":     {func(_ *scan.Scan, o *Options) { o.FinalStep = 0.5 }, "lsqml"},
		"a bound of NaN":            {func(_ *scan.Scan, o *Options) { o.PositionBound = math.NaN() }, "bound"},
		"no probe":                  {func(s *scan.Scan, _ *Options) { s.Probe = nil }, "lacks a probe"},
		"an empty probe":            {func(s *scan.Scan, _ *Options) { s.Probe = make([]complex64, len(s.Probe)) }, "zero"},
		"no photons":                {func(s *scan.Scan, _ *Options) { s.Counts = make([]float32, len(s.Counts)) }, "no photons"},
		"NaN counts":                {func(s *scan.Scan, _ *Options) { s.Counts[7] = float32(math.NaN()) }, "NaN"},
		"positions in metres":       {func(s *scan.Scan, _ *Options) { s.Rows[3] = 1e12 }, "in object pixels"},
		"counts behind a mask":      {func(s *scan.Scan, _ *Options) { s.Mask = make([]uint8, s.N*s.N); s.Mask[0] = 1 }, "masked"},
		"a background of this size": {func(_ *scan.Scan, o *Options) { o.Background = make([]float32, 3) }, "background"},
		"a background of all":       {func(s *scan.Scan, o *Options) { o.Background = slices.Repeat([]float32{1e6}, s.N*s.N) }, "background"},
		"a start without pixels":    {func(_ *scan.Scan, o *Options) { o.Start = &Start{Height: 2, Width: 2} }, "initial object"},
		"one pattern":               {func(s *scan.Scan, _ *Options) { *s = *must(s.Select([]int{0})) }, "1 pattern"},
	} {
		s, _ := small(t, nil)
		o := Options{Iterations: 1}
		c.change(s, &o)
		_, err := Solve(context.Background(), s, o)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one sentence with %q", name, err, c.want)
		}
	}
}

func must(s *scan.Scan, err error) *scan.Scan {
	if err != nil {
		panic(err)
	}
	return s
}

// A run continues from the object of a result.
func TestSolve_ContinuesFromStart(t *testing.T) {
	s, _ := small(t, nil)
	first := mustSolve(t, s, Options{Iterations: 20})
	// The same image on a smaller canvas with another origin.
	part, err := first.Object.Crop(3, 5, first.Object.H-6, first.Object.W-10)
	if err != nil {
		t.Fatal(err)
	}
	start := &Start{Object: part.Complex64(), Height: part.H, Width: part.W, Origin: [2]float64{first.Origin[0] + 3, first.Origin[1] + 5}}
	r := mustSolve(t, s, Options{Iterations: 1, Start: start})
	if r.History[0].R > 1.2*first.R {
		t.Errorf("the first iteration from the result has R %v, the result had %v", r.History[0].R, first.R)
	}
}

// A position that is further away than the bound lets it move is reported, and nothing is where all have room.
func TestSolve_ReportsPositionsAtBound(t *testing.T) {
	s, _ := small(t, nil)
	far := len(s.Rows) / 2
	s.Rows[far] += 3
	s.Cols[far] -= 3
	for bound, want := range map[float64]int{2: 1, 8: 0} {
		r := mustSolve(t, s, Options{Iterations: 20, Fit: Fit{Positions: true}, PositionBound: bound})
		if len(r.Notes) != want || want == 1 && !strings.Contains(r.Notes[0], fmt.Sprintf("1 of %d fitted positions is at the bound, 2 pixels", len(s.Rows))) {
			t.Errorf("bound %v: notes %q", bound, r.Notes)
		}
	}
}
