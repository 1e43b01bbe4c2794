package solve_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/simulate"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/solve"
)

// calibrationObjects and calibrationFaults are those of bench/trials/calibrate.sh.
var (
	calibrationObjects = []simulate.ObjectKind{simulate.Lines, simulate.Fields, simulate.Cells, simulate.Blocks}
	calibrationFaults  = []string{"none", "defocus=0.34", "magnified=1.15", "blur=1.5", "jitter=1", "jitter=2", "jitter=3", "modes", "exposure"}
)

// TestCalibration_TrialOfItsImages: probe, positions and factors as calibrated give images that are not worse than those of the scan as
// it is read. The images are of ePIE with everything fixed, about the best that a network can reach; those of networks after a
// short training differed by 2 dB by chance.
func TestCalibration_TrialOfItsImages(t *testing.T) {
	if !*trial {
		t.Skip("a trial: make trial-calibrate runs it")
	}
	type cell struct{ before, after, worst metrics.Number }
	const seeds = 3
	cells := map[string]*cell{}
	sound := map[string]metrics.Number{}
	for seed := range uint64(seeds) {
		for _, object := range calibrationObjects {
			for _, faults := range calibrationFaults {
				t.Run(fmt.Sprintf("%v,%s,%d", object, faults, seed), func(t *testing.T) {
					o := simulate.Options{Object: object, Probe: simulate.Aberrated, N: 32, Patterns: 400, Photons: 1e5, Seed: seed + 11}
					var err error
					if o.Faults, err = simulate.ParseFaults(strings.TrimPrefix(faults, "none")); err != nil {
						t.Fatal(err)
					}
					s, err := simulate.New(t.Context(), o)
					if err != nil {
						t.Fatal(err)
					}
					given := s.AsRead()
					c, err := solve.Calibration{What: "auto", Threads: 1}.Run(t.Context(), given, host.Host{Notice: func(string, ...any) {}})
					if err != nil {
						t.Fatal(err)
					}
					before, after := fixedImage(t, s, solve.Calibrated{Scan: given}), fixedImage(t, s, c)
					of := fmt.Sprint(object, seed)
					if faults == "none" {
						sound[of] = before.AmplitudePSNR
					}
					t.Logf("| %v | %s | %d | %.1f, %.3f | %.1f, %.3f | %s | misfit %.2f |", object, faults, seed, before.AmplitudePSNR, before.PhaseCorrelation,
						after.AmplitudePSNR, after.PhaseCorrelation, strings.Join(c.Fit, ", "), c.ProbeMisfit)
					if after.AmplitudePSNR < before.AmplitudePSNR-0.3 || after.PhaseCorrelation < before.PhaseCorrelation-0.01 {
						t.Errorf("%v, %s, seed %d: %.1f dB and %.3f with the calibration, %.1f dB and %.3f without", object, faults, seed,
							after.AmplitudePSNR, after.PhaseCorrelation, before.AmplitudePSNR, before.PhaseCorrelation)
					}
					key := fmt.Sprint(object, faults)
					if cells[key] == nil {
						cells[key] = &cell{worst: metrics.Number(math.Inf(1))}
					}
					cells[key].before += before.AmplitudePSNR / seeds
					cells[key].after += after.AmplitudePSNR / seeds
					cells[key].worst = min(cells[key].worst, after.AmplitudePSNR-sound[of])
				})
			}
		}
	}
	for _, faults := range calibrationFaults {
		row := "| " + faults
		for _, object := range calibrationObjects {
			c := cells[fmt.Sprint(object, faults)]
			if c == nil {
				c = &cell{}
			}
			row += fmt.Sprintf(" | %.1f → %.1f (%+.1f)", c.before, c.after, c.worst)
		}
		t.Log(row + " |")
	}
}

// fixedImage compares the image of a scan whose probe, positions, factors and background are fixed with the truth.
func fixedImage(t *testing.T, s *simulate.Scan, c solve.Calibrated) metrics.Scores {
	t.Helper()
	r, err := iterative.Solve(t.Context(), c.Scan, iterative.Options{Iterations: 20, Background: c.Background, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	e, err := metrics.Evaluate(t.Context(), r.Object, r.Origin, s.Object, [2]float64{}, metrics.PositionsBox(s.Rows, s.Cols), metrics.Options{Ramp: true, ScaleAmplitude: true})
	if err != nil {
		t.Fatal(err)
	}
	return e.Raw
}
