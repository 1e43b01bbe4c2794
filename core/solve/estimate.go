package solve

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/cmplx"

	"github.com/ptychogo/ptycho/core/fft"
	"github.com/ptychogo/ptycho/core/scan"
)

// ProbeOptions are the options of EstimateProbe.
type ProbeOptions struct {
	Iterations int // of the fit; default 60
	Threads    int
}

// Estimate is a probe estimated from the patterns.
type Estimate struct {
	Probe    []complex64 // [N, N], in the gauge of the model
	Diameter float64     // pixels
	R        float64     // of the fit
	Defocus  float64     // signed diameter, as a part of N, of the best start's defocus
}

// Diameters, as parts of N, of the defocused pupil in the starts, to both sides.
var defocusDiameters = []float64{0, 0.1, -0.1, 0.25, -0.25, 0.4, -0.4, 0.6, -0.6}

// EstimateProbe estimates a probe for a scan without one. The root of the mean pattern without background is the
// amplitude of the probe's far field (its pupil) if the object is smooth. The far field's phase is missing; defocus is
// its largest part. Short fits start from the pupil at several defocuses, and the best fit is continued.
func EstimateProbe(ctx context.Context, s *scan.Scan, o ProbeOptions) (*Estimate, error) {
	fail := func(err error) (*Estimate, error) { return nil, fmt.Errorf("probe estimate: %w", err) }
	if err := s.Validate(); err != nil {
		return fail(err)
	}
	if o.Iterations == 0 {
		o.Iterations = 60
	}
	if o.Iterations < 1 {
		return fail(fmt.Errorf("%d iterations, want at least 1", o.Iterations))
	}
	part, err := s.Select(middle(s, geometryPatterns))
	if err != nil {
		return fail(err)
	}
	best, err := bestStart(ctx, part, o)
	if err != nil {
		return fail(err)
	}
	with := *s
	with.Probe, with.Modes = best.Probe, 1
	r, err := Solve(ctx, &with, Options{Engine: LSQML, Iterations: o.Iterations, Fit: Fit{Probe: true}, ProbeEstimated: true, NoLowFrequency: true, Threads: o.Threads})
	if err != nil {
		return fail(err)
	}
	best.R, best.Probe, best.Diameter = r.R, r.Probe, scan.ProbeDiameter(r.Probe, s.N)
	return best, nil
}

// bestStart runs short fits with each defocus and returns the probe of the best.
func bestStart(ctx context.Context, part *scan.Scan, o ProbeOptions) (*Estimate, error) {
	plan, err := fft.New(part.N, part.N)
	if err != nil {
		return nil, err
	}
	pupil := meanAmplitude(part)
	best := &Estimate{R: math.Inf(1)}
	for _, size := range defocusDiameters {
		with := *part
		with.Probe, with.Modes = pupilProbe(plan, pupil, part.N, size), 1
		r, err := Solve(ctx, &with, Options{Engine: LSQML, Iterations: geometryIterations, Fit: Fit{Probe: true}, ProbeEstimated: true, NoLowFrequency: true, Threads: o.Threads})
		if errors.Is(err, ErrDiverged) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if r.R < best.R {
			best.R, best.Defocus, best.Probe = r.R, size, r.Probe
		}
	}
	if best.Probe == nil {
		return nil, ErrDiverged
	}
	return best, nil
}

// meanAmplitude returns the root of the mean pattern without its background, frequency 0 at (N/2, N/2).
func meanAmplitude(s *scan.Scan) []float64 {
	mean := make([]float64, s.N*s.N)
	for _, pattern := range s.All() {
		for i, k := range pattern {
			mean[i] += float64(k) / float64(s.Len())
		}
	}
	level := darkest(mean, s.Mask)
	for i, k := range mean {
		mean[i] = math.Sqrt(max(k-level, 0))
	}
	return mean
}

// pupilProbe transforms the pupil, defocused so that its edge, two standard deviations E from its centre, spreads to a
// disk of size·n pixels: a phase φ·k²/E² sends the frequency k to φ·k·n/(π·E²) pixels, so that φ = π·E·size/2.
func pupilProbe(plan *fft.Plan, pupil []float64, n int, size float64) []complex64 {
	var sum, y0, x0, square float64
	for i, a := range pupil {
		y, x := float64(i/n), float64(i%n)
		sum += a * a
		y0 += a * a * y
		x0 += a * a * x
		square += a * a * (y*y + x*x)
	}
	y0, x0 = y0/sum, x0/sum
	edge := 2 * math.Sqrt(max(square/sum-y0*y0-x0*x0, 1)/2)
	phase := math.Pi * edge * size / 2
	far := make([]complex64, n*n)
	for i, a := range pupil {
		y, x := float64(i/n)-y0, float64(i%n)-x0
		// A linear phase moves the probe's centre from 0 to pixel n/2 of the patch.
		centre := -2 * math.Pi * float64((i/n-n/2)+(i%n-n/2)) * float64(n/2) / float64(n)
		far[i] = complex64(cmplx.Rect(a, phase*(y*y+x*x)/(edge*edge)+centre))
	}
	plan.InverseCentred(far, far, nil)
	return far
}
