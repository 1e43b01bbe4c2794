package simulate

import (
	"context"
	"errors"
	"math"
	"math/cmplx"
	"runtime"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/raster"
)

func mustNew(t *testing.T, o Options) *Scan {
	t.Helper()
	s, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func patterns(s *Scan) metrics.Patterns {
	return metrics.Patterns{N: s.N, Rows: s.Rows, Cols: s.Cols, Probe: [][]complex128{s.Probe}, Counts: metrics.CountsIn(s.Counts, s.N, nil)}
}

func TestNew_SameSeedSameBytes(t *testing.T) {
	for _, o := range []Options{
		{Seed: 1, N: 32, Patterns: 20, Height: 90, Width: 110},
		{Seed: 1, Object: Fields, Probe: Aberrated, N: 32, Patterns: 20, Height: 90, Width: 110},
		{Seed: 2, Object: Cells, Probe: Gaussian, Path: Raster, Jitter: 0.3, N: 32, Height: 90, Width: 110},
		{Seed: 2, Object: Blocks, N: 32, Patterns: 20, Height: 90, Width: 110},
	} {
		a := mustNew(t, o)
		before := runtime.GOMAXPROCS(1)
		b := mustNew(t, o)
		runtime.GOMAXPROCS(before)
		if !slices.Equal(a.Counts, b.Counts) || !slices.Equal(a.Rows, b.Rows) || !slices.Equal(a.Cols, b.Cols) ||
			!slices.Equal(a.Probe, b.Probe) || !slices.Equal(a.Object.Data, b.Object.Data) {
			t.Errorf("%v: one processor gives another scan", o.Object)
		}
		o.Seed++
		c := mustNew(t, o)
		if slices.Equal(a.Rows, c.Rows) || slices.Equal(a.Counts, c.Counts) || slices.Equal(a.Object.Data, c.Object.Data) {
			t.Errorf("%v: another seed gives the same scan", o.Object)
		}
	}
}

func TestNew_DoseChangesNoiseOnly(t *testing.T) {
	o := Options{Seed: 3, N: 32, Patterns: 10, Height: 80}
	a := mustNew(t, o)
	o.Photons = 100
	b := mustNew(t, o)
	if !slices.Equal(a.Rows, b.Rows) || !slices.Equal(a.Object.Data, b.Object.Data) {
		t.Error("another dose moves positions or object")
	}
	if slices.Equal(a.Counts, b.Counts) {
		t.Error("another dose gives the same counts")
	}
}

func TestNew_PhotonsPerPattern(t *testing.T) {
	for _, photons := range []float64{50, 1e6} {
		s := mustNew(t, Options{Seed: 4, N: 32, Patterns: 64, Height: 100, Photons: photons})
		var sum float64
		for _, v := range s.Counts {
			if v != float32(math.Trunc(float64(v))) || v < 0 {
				t.Fatalf("a count of %v", v)
			}
			sum += float64(v)
		}
		// Five standard deviations of a Poisson total.
		if got := sum / 64; math.Abs(got-photons) > 5*math.Sqrt(photons/64) {
			t.Errorf("%v photons per pattern, want %v", got, photons)
		}
	}
}

// The truth explains the counts up to their noise at the given positions, and at no others.
func TestNew_ForwardModelAndOrientation(t *testing.T) {
	ctx := context.Background()
	for _, o := range []Options{
		{Seed: 5, Object: Lines, Probe: Disk, Photons: 1e6},
		{Seed: 5, Object: Fields, Probe: Aberrated, Photons: 3e5},
		{Seed: 5, Object: Cells, Probe: Gaussian, Photons: 2e4},
		{Seed: 5, Object: Blocks, Probe: Disk, Photons: 1e7},
		{Seed: 5, Object: Blocks, Probe: Aberrated, Path: Raster, Overlap: 0.5, Jitter: 0.2},
	} {
		o.N, o.Height, o.Width, o.Patterns = 64, 150, 190, 60
		s := mustNew(t, o)
		p := patterns(s)
		truth, err := metrics.Residual(ctx, s.Object, [2]float64{}, p, metrics.FitOptions{Deviance: true, Background: 1e-12})
		if err != nil {
			t.Fatal(err)
		}
		flat, err := metrics.FlatResidual(ctx, p, metrics.FitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%v, %v, %g photons, %d patterns: truth R %.5f flat %.5f, deviance %.4f expected %.4f", o.Object, o.Probe, s.Options.Photons, len(s.Rows), truth.R, flat.R, truth.Deviance, truth.Expected)
		// With n·N² ≥ 10⁵ pixels the mean deviance is known to about 1 %.
		if math.Abs(float64(truth.Deviance/truth.Expected-1)) > 0.03 {
			t.Errorf("%v: deviance %v, expected of Poisson counts %v", o.Object, truth.Deviance, truth.Expected)
		}
		if math.Abs(float64(truth.Factor-1)) > 0.01 {
			t.Errorf("%v: the probe is off the counts by a factor %v", o.Object, truth.Factor)
		}
		mirrored, turned := p, p
		mirrored.Rows, turned.Cols = make([]float64, len(p.Rows)), make([]float64, len(p.Rows))
		for j := range p.Rows {
			mirrored.Rows[j], turned.Cols[j] = 150-p.Rows[j], 190-p.Cols[j]
		}
		swapped := p
		swapped.Rows, swapped.Cols = p.Cols, p.Rows
		for name, q := range map[string]metrics.Patterns{"rows mirrored": mirrored, "columns mirrored": turned, "transposed": swapped} {
			bad, err := metrics.Residual(ctx, s.Object, [2]float64{}, q, metrics.FitOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if bad.R < 2*truth.R {
				t.Errorf("%v, %s: R %v against the truth's %v", o.Object, name, bad.R, truth.R)
			}
		}
	}
}

func TestNew_NoiselessCounts(t *testing.T) {
	s := mustNew(t, Options{Seed: 6, N: 16, Height: 60, Width: 70, Patterns: 3, Noiseless: true, Background: 0.25})
	const n = 16
	j := 2
	patch := raster.Extract(s.Object, s.Rows[j], s.Cols[j], n)
	for u := range n {
		for v := range n {
			var sum complex128
			for i := range patch {
				sum += s.Probe[i] * patch[i] * cmplx.Exp(complex(0, -2*math.Pi*float64(u*(i/n)+v*(i%n))/n))
			}
			want := real(sum*cmplx.Conj(sum))/(n*n) + 0.25
			got := float64(s.Counts[j*n*n+(u+n/2)%n*n+(v+n/2)%n])
			if math.Abs(got-want) > 1e-5*(1+want) {
				t.Fatalf("frequency (%d, %d): %v, want %v", u, v, got, want)
			}
		}
	}
}

func TestPositions_InsideTheBuffer(t *testing.T) {
	for _, o := range []Options{
		{Seed: 7, N: 32, Height: 80, Width: 120, Patterns: 500},
		{Seed: 7, N: 32, Height: 80, Width: 120, Path: Raster, Overlap: 0.8, Jitter: 1},
		{Seed: 7, N: 32, Height: 80, Width: 120, Path: Raster, Overlap: 0.8, Buffer: 20},
	} {
		o = o.withDefaults()
		rows, cols, err := positions(o)
		if err != nil {
			t.Fatal(err)
		}
		if o.Path == Raster && o.Jitter == 0 {
			step := (1 - o.Overlap) * 2 * o.Radius
			if got := cols[1] - cols[0]; math.Abs(got-step) > 1e-9 || rows[1] != rows[0] {
				t.Errorf("raster step %v in columns, want %v: columns run fastest", got, step)
			}
			if want := int(math.Floor(40/step)+1) * int(math.Floor(80/step)+1); len(rows) != want {
				t.Errorf("%d positions, want %d", len(rows), want)
			}
		}
		for j := range rows {
			if rows[j] < o.Buffer || rows[j] > 80-o.Buffer || cols[j] < o.Buffer || cols[j] > 120-o.Buffer {
				t.Fatalf("position (%v, %v) leaves the buffer", rows[j], cols[j])
			}
		}
	}
}

func TestNew_SplitByRow(t *testing.T) {
	got := splitByRow([]float64{5, 1, 9, 3, 7})
	if want := []uint8{0, 0, 1, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("split %v, want %v", got, want)
	}
}

func TestNew_Rejects(t *testing.T) {
	for name, o := range map[string]Options{
		"an object smaller than a patch":    {N: 64, Height: 50},
		"a negative side":                   {N: -64},
		"a buffer that cuts patches":        {Buffer: 10},
		"a buffer that leaves nothing":      {Buffer: 200},
		"a buffer that is not a number":     {Buffer: math.NaN()},
		"no photons":                        {Photons: -1},
		"photons that are not a number":     {Photons: math.NaN()},
		"complete overlap":                  {Overlap: 1, Path: Raster},
		"a wide probe":                      {Radius: 40},
		"negative patterns":                 {Patterns: -1},
		"too many patterns":                 {Patterns: math.MaxInt},
		"an unknown object":                 {Object: 99},
		"an unknown probe":                  {Probe: -1},
		"an unknown path":                   {Path: 7},
		"an object of astronomical size":    {Height: math.MaxInt, Width: math.MaxInt},
		"a raster of astronomical size":     {Height: 16000, Path: Raster, Overlap: 0.9999},
		"a background that is not a number": {Background: math.NaN()},
		"a jitter of more than one step":    {Jitter: 2, Path: Raster},
		"an infinite jitter":                {Jitter: math.Inf(1)},
		"an astronomical number of pixels":  {N: 4096, Patterns: 1000},
	} {
		if _, err := New(context.Background(), o); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := New(ctx, Options{N: 32, Patterns: 5}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want cancelled", err)
	}
}

func TestKindsParse(t *testing.T) {
	for _, s := range objectNames {
		if k, err := ParseObject(s); err != nil || k.String() != s {
			t.Errorf("%q reads as %v, %v", s, k, err)
		}
	}
	for _, s := range probeNames {
		if k, err := ParseProbe(s); err != nil || k.String() != s {
			t.Errorf("%q reads as %v, %v", s, k, err)
		}
	}
	for _, s := range pathNames {
		if k, err := ParsePath(s); err != nil || k.String() != s {
			t.Errorf("%q reads as %v, %v", s, k, err)
		}
	}
	if _, err := ParseObject("line"); err == nil {
		t.Error("an unknown object was accepted")
	}
}
