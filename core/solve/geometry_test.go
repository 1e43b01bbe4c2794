package solve

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/internal/fixture"
)

func mustCheck(t *testing.T, s *scan.Scan, o GeometryOptions) *Geometry {
	t.Helper()
	g, err := CheckGeometry(context.Background(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// oriented returns a copy of the scan with its positions in that orientation.
func oriented(s *scan.Scan, o Orientation) *scan.Scan {
	out := *s
	out.Rows, out.Cols = o.Apply(s.Rows, s.Cols)
	return &out
}

// restores reports whether the orientation maps the changed scan's positions to those of the right one.
func restores(o Orientation, changed, right *scan.Scan) bool {
	y, x := o.Apply(changed.Rows, changed.Cols)
	return rms(y, x, right.Rows, right.Cols) < 1e-6
}

func TestOrientations_Eight(t *testing.T) {
	seen := map[[4]float64]bool{}
	for _, o := range orientations() {
		y, x := o.Apply([]float64{0, 10, 2}, []float64{0, 4, 4})
		seen[[4]float64{y[1] - y[0], x[1] - x[0], y[2] - y[0], x[2] - x[0]}] = true
		tw, z := o.Twin().Apply([]float64{0, 10, 2}, []float64{0, 4, 4})
		if tw[1]-tw[0] != y[0]-y[1] || z[2]-z[0] != x[0]-x[2] {
			t.Errorf("%v: the twin is %v", o, o.Twin())
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d different orientations", len(seen))
	}
}

// For every orientation of the positions the check names the one that corrects it.
func TestCheckGeometry_NamesTheCorrection(t *testing.T) {
	long(t)
	right, _ := small(t, func(o *simulate.Options) { o.N, o.Height, o.Patterns = 32, 96, 120 })
	all := fixture.All()
	for i, o := range orientations() {
		if i%3 > 0 && !all {
			continue // a sample: right, flipped twice, and transposed
		}
		changed := oriented(right, o)
		g := mustCheck(t, changed, GeometryOptions{})
		if !restores(g.Best(), changed, right) || g.Sure == Undecided || g.TwinToo || g.Right() != (o == Orientation{}) {
			t.Errorf("orientation %v: %v", o, g)
		}
	}
}

// A real symmetric probe cannot distinguish an orientation from its twin, and the check says so.
func TestCheckGeometry_SymmetricProbeLeavesTwin(t *testing.T) {
	long(t)
	right, _ := small(t, func(o *simulate.Options) { o.Probe = simulate.Disk })
	orientations := []Orientation{{Transposed: true}}
	if fixture.All() {
		orientations = append(orientations, Orientation{}, Orientation{FlipRows: true, FlipCols: true})
	}
	for _, o := range orientations {
		changed := oriented(right, o)
		g := mustCheck(t, changed, GeometryOptions{})
		if !restores(g.Best(), changed, right) && !restores(g.Best().Twin(), changed, right) {
			t.Errorf("orientation %v: %v", o, g)
		}
		if !g.TwinToo || g.Right() == o.Transposed {
			t.Errorf("orientation %v: twin possible %v, right %v: %v", o, g.TwinToo, g.Right(), g)
		}
	}
}

// Without a probe the check finds the orientation, but does not claim to distinguish twins.
func TestCheckGeometry_WithoutProbe(t *testing.T) {
	long(t)
	right, _ := small(t, func(o *simulate.Options) { o.N, o.Height, o.Patterns = 32, 96, 120 })
	right.Probe, right.Modes = nil, 0
	orientations := []Orientation{{FlipRows: true}}
	if fixture.All() {
		orientations = append(orientations, Orientation{})
	}
	for _, o := range orientations {
		changed := oriented(right, o)
		g := mustCheck(t, changed, GeometryOptions{})
		if !restores(g.Best(), changed, right) && !restores(g.Best().Twin(), changed, right) || !g.TwinToo || g.Right() != (o == Orientation{}) {
			t.Errorf("orientation %v: %v", o, g)
		}
	}
}

// Scans of all kinds with right positions are accepted. make trial-solve checks larger ones.
func TestCheckGeometry_NoFalseAlarms(t *testing.T) {
	long(t)
	rng := rand.New(rand.NewPCG(2, 3))
	scans := 5
	if fixture.All() {
		scans = 20
	}
	for seed := range scans {
		o := simulate.Options{
			Seed: uint64(seed), Object: simulate.ObjectKind(rng.IntN(4)), Probe: simulate.ProbeKind(rng.IntN(3)), Path: simulate.PathKind(rng.IntN(2)),
			N: 32, Patterns: 60 + rng.IntN(100), Photons: []float64{1e3, 1e4, 1e5, 1e6}[rng.IntN(4)], Jitter: rng.Float64(), Overlap: 0.5 + 0.3*rng.Float64(),
		}
		o.Height, o.Width = 64+rng.IntN(40), 64+rng.IntN(40)
		sim, err := simulate.New(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		if g := mustCheck(t, asScan(sim), GeometryOptions{}); !g.Right() {
			t.Errorf("%+v: %v", o, g)
		}
	}
}

func TestCheckGeometry_FindsWrongStep(t *testing.T) {
	long(t)
	s, _ := small(t, func(o *simulate.Options) { o.N, o.Height, o.Patterns = 32, 104, 140 })
	s.Rows, s.Cols = stretched(s.Rows, 1/1.08), stretched(s.Cols, 1/1.08)
	g := mustCheck(t, s, GeometryOptions{Scale: true})
	if math.Abs(g.Scale-1.08) > 0.01 || !g.ScaleSure {
		t.Errorf("the step has to be stretched by 1.08, found %v (sure %v)", g.Scale, g.ScaleSure)
	}
}

func TestCheckGeometry_RejectsAndStops(t *testing.T) {
	s, _ := small(t, nil)
	if _, err := CheckGeometry(context.Background(), must(s.Select([]int{0, 1, 2, 3})), GeometryOptions{}); err == nil {
		t.Error("four patterns were accepted")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := CheckGeometry(ctx, s, GeometryOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want cancelled", err)
	}
}
