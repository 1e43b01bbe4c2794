package examine

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/internal/fixture"
)

var (
	trial = flag.Bool("trial", false, "run the trials that take minutes (make trial-faults)")
	seed  = flag.Uint64("seed", 1000, "first seed of the trials; the tests were made with seeds below 1000")
	only  = flag.String("kind", "", "plant only faults whose name contains this in the trial of strengths")
	clean = flag.Int("clean", 200, "clean scans of the trial")
)

func needsTrial(t *testing.T) {
	t.Helper()
	if !*trial {
		t.Skip("a trial: make trial-faults runs it")
	}
}

// asScan converts a simulated scan.
func asScan(s *simulate.Scan) *scan.Scan {
	probe := make([]complex64, len(s.Probe))
	for i, p := range s.Probe {
		probe[i] = complex64(p)
	}
	return &scan.Scan{N: s.N, Counts: s.Counts, Rows: s.Rows, Cols: s.Cols, Probe: probe, Modes: 1, Index: indices(len(s.Rows))}
}

// drawClean returns a simulated scan without a fault, with everything drawn from a seed: steps of 15 to 50 % of the probe's diameter, 10² to
// 10⁷ photons a frame.
func drawClean(ctx context.Context, seed uint64) (*scan.Scan, string, error) {
	rng := rand.New(rand.NewPCG(seed, 5))
	n := []int{32, 32, 48, 48, 64, 64, 64, 128, 128, 256}[rng.IntN(10)]
	most := map[int]int{32: 400, 48: 300, 64: 250, 128: 120, 256: 64}[n]
	o := simulate.Options{
		Seed: seed, Object: simulate.ObjectKind(rng.IntN(4)), Probe: simulate.ProbeKind(rng.IntN(3)), Path: simulate.PathKind(rng.IntN(2)),
		N: n, Patterns: min(60, most-1) + rng.IntN(max(most-60, 1)), Photons: math.Pow(10, 2+5*rng.Float64()),
		Jitter: 0.3 * float64(rng.IntN(2)), Overlap: 0.5 + 0.35*rng.Float64(), Background: []float64{0, 0, 0.05, 2}[rng.IntN(4)],
	}
	o.Radius = (0.1 + 0.12*rng.Float64()) * float64(o.N)
	side := (1 - o.Overlap) * 2 * o.Radius * math.Sqrt(float64(o.Patterns))
	o.Height = o.N + int(math.Ceil(side))
	sim, err := simulate.New(ctx, o)
	if err != nil {
		return nil, "", err
	}
	return asScan(sim), fmt.Sprintf("seed %d: %v, %v probe, %v, N %d, %d patterns, %.3g photons, background %g", seed, o.Object, o.Probe, o.Path, o.N, len(sim.Rows), o.Photons, o.Background), nil
}

// TestScan_TrialOnCleanScans: scans drawn by seed and the measured one have no finding of severity wrong, and at most one in a hundred has
// a warning.
func TestScan_TrialOnCleanScans(t *testing.T) {
	needsTrial(t)
	wrong, warned, notes := 0, 0, map[string]int{}
	check := func(s *scan.Scan, name string) {
		found, err := Scan(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		warns := false
		for _, f := range found {
			switch f.Severity {
			case Wrong:
				wrong++
			case Warning:
				warns = true
			default:
				notes[f.ID]++
				continue
			}
			fmt.Printf("%s: %s %s: %s (10^%v) %v\n", name, f.Severity, f.ID, f.What, f.LogChance, f.Evidence)
		}
		if warns {
			warned++
		}
	}
	all := *clean + 2
	for _, file := range []string{"siemens_star_aps_velociprobe.npz", "sim_lines_64.npz"} {
		s, err := format.ReadScan(t.Context(), fixture.Measured(t, file), format.ScanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		check(s, file)
	}
	for k := range *clean {
		s, name, err := drawClean(t.Context(), *seed+uint64(k))
		if err != nil {
			t.Fatal(err)
		}
		check(s, name)
	}
	fmt.Printf("\n| clean scans | findings of severity wrong | scans with a warning | notes |\n|---|---|---|---|\n| %d | %d | %d | %v |\n\n", all, wrong, warned, notes)
	if wrong > 0 || warned > all/100 {
		t.Errorf("%d false findings of severity wrong and %d scans with warnings of %d, want none and at most 1 %%", wrong, warned, all)
	}
}
