package solve

import (
	"context"
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/internal/fixture"
)

var trial = flag.Bool("trial", false, "run the trials that take minutes (make trial-solve)")

// TestCheckGeometry_TrialOnMeasuredScan: right unchanged, and on seven copies the check names the correction.
func TestCheckGeometry_TrialOnMeasuredScan(t *testing.T) {
	if !*trial {
		t.Skip("a trial: make trial-solve runs it")
	}
	right, err := format.ReadScan(t.Context(), fixture.Measured(t, "siemens_star_aps_velociprobe.npz"), format.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range orientations() {
		changed := oriented(right, o)
		g := mustCheck(t, changed, GeometryOptions{})
		t.Logf("orientation %v: %v", o, g)
		if !restores(g.Best(), changed, right) || g.Sure != Certain || g.TwinToo || g.Right() != (o == Orientation{}) {
			t.Errorf("orientation %v: %v", o, g)
		}
	}
}

// TestCheckGeometry_TrialOnSimulatedScans: twenty scans of all kinds are accepted; on a differently oriented copy of
// each the check names the correction or, if it reports that it cannot decide, the twin.
func TestCheckGeometry_TrialOnSimulatedScans(t *testing.T) {
	if !*trial {
		t.Skip("a trial: make trial-solve runs it")
	}
	rng := rand.New(rand.NewPCG(1, 9))
	for seed := range 20 {
		o := simulate.Options{
			Seed: uint64(seed), Object: simulate.ObjectKind(rng.IntN(4)), Probe: simulate.ProbeKind(rng.IntN(3)), Path: simulate.PathKind(rng.IntN(2)),
			N: []int{32, 48, 64}[rng.IntN(3)], Patterns: 100 + rng.IntN(300), Photons: []float64{1e4, 1e5, 1e6}[rng.IntN(3)], Jitter: 0.3, Overlap: 0.6 + 0.2*rng.Float64(),
		}
		o.Height = 2*o.N + rng.IntN(2*o.N)
		sim, err := simulate.New(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		right := asScan(sim)
		if g := mustCheck(t, right, GeometryOptions{}); !g.Right() {
			t.Errorf("a false alarm, %v, %v, N %d: %v", o.Object, o.Probe, o.N, g)
		}
		way := orientations()[rng.IntN(8)]
		changed := oriented(right, way)
		g := mustCheck(t, changed, GeometryOptions{})
		t.Logf("%v, %v, %v, N %d, %g photons, orientation %v: %v", o.Object, o.Probe, o.Path, o.N, o.Photons, way, g)
		if !restores(g.Best(), changed, right) && !(g.TwinToo && restores(g.Best().Twin(), changed, right)) {
			t.Errorf("orientation %v: %v", way, g)
		}
	}
}
