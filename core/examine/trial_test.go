package examine

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/internal/measured"
)

var trial = flag.Bool("trial", false, "run the trials that take minutes (make trial-faults)")

// asScan converts a simulated scan.
func asScan(s *simulate.Scan) *scan.Scan {
	probe := make([]complex64, len(s.Probe))
	for i, p := range s.Probe {
		probe[i] = complex64(p)
	}
	index := make([]int, len(s.Rows))
	for i := range index {
		index[i] = i
	}
	return &scan.Scan{N: s.N, Counts: s.Counts, Rows: s.Rows, Cols: s.Cols, Probe: probe, Modes: 1, Index: index}
}

// drawClean returns a simulated scan without a fault, with everything drawn from a seed.
func drawClean(t *testing.T, seed uint64) (*scan.Scan, string) {
	rng := rand.New(rand.NewPCG(seed, 5))
	o := simulate.Options{
		Seed: seed, Object: simulate.ObjectKind(rng.IntN(4)), Probe: simulate.ProbeKind(rng.IntN(3)), Path: simulate.PathKind(rng.IntN(2)),
		N: []int{32, 48, 64, 64, 128, 256}[rng.IntN(6)], Patterns: 60 + rng.IntN(300), Photons: math.Pow(10, 2+5*rng.Float64()),
		Jitter: 0.3 * float64(rng.IntN(2)), Overlap: 0.5 + 0.35*rng.Float64(), Background: []float64{0, 0, 0.05, 2}[rng.IntN(4)],
	}
	o.Radius = (0.1 + 0.12*rng.Float64()) * float64(o.N)
	if o.N >= 128 {
		o.Patterns = 60 + rng.IntN(100)
	}
	o.Height = 2*o.N + rng.IntN(2*o.N)
	sim, err := simulate.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return asScan(sim), fmt.Sprintf("seed %d: %v, %v probe, %v, N %d, %d patterns, %.3g photons, background %g", seed, o.Object, o.Probe, o.Path, o.N, len(sim.Rows), o.Photons, o.Background)
}

// TestScan_TrialOnCleanScans: 80 scans drawn by seed and the measured one have no finding above a note.
func TestScan_TrialOnCleanScans(t *testing.T) {
	if !*trial {
		t.Skip("a trial: make trial-faults runs it")
	}
	wrong, warnings := 0, 0
	check := func(s *scan.Scan, name string) {
		found, err := Scan(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			t.Logf("%s: %s %s: %s (10^%v) %v", name, f.Severity, f.ID, f.What, f.LogChance, f.Evidence)
			switch f.Severity {
			case Wrong:
				wrong++
			case Warning:
				warnings++
			}
		}
	}
	const scans = 80
	for seed := range uint64(scans) {
		s, name := drawClean(t, seed)
		check(s, name)
		if seed%10 == 9 {
			t.Logf("%d scans examined", seed+1)
		}
	}
	for _, file := range []string{"siemens_star_aps_velociprobe.npz", "sim_lines_64.npz"} {
		s, err := format.ReadScan(t.Context(), measured.File(t, file), format.ScanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		check(s, file)
	}
	t.Logf("%d scans: %d false findings of severity wrong, %d of severity warning", scans+2, wrong, warnings)
	if wrong > 0 || warnings > (scans+2)/100 {
		t.Errorf("%d false findings of severity wrong and %d warnings, want none and at most 1 %%", wrong, warnings)
	}
}
