package metrics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/core/raster"
)

// Patterns are measured diffraction patterns, for Residual.
type Patterns struct {
	N          int            // side of a pattern
	Rows, Cols []float64      // [n] scan positions: pixel N/2 of the patches
	Probe      [][]complex128 // modes, each [N, N]; Residual ignores the scale
	// Counts fills dst [N, N] with the counts of pattern j, frequency 0 at (N/2, N/2). Several goroutines call it.
	Counts func(j int, dst []float64) error
	// Mask [N, N] is false at bad pixels; nil means all true.
	Mask []bool
}

// CountsIn reads patterns from one array [n, N, N]; pick lists the rows in it, nil means all, in order.
func CountsIn[T uint8 | uint16 | uint32 | int32 | int64 | float32 | float64](counts []T, n int, pick []int) func(int, []float64) error {
	return func(j int, dst []float64) error {
		if pick != nil {
			if j >= len(pick) {
				return fmt.Errorf("pattern %d does not exist, there are %d", j, len(pick))
			}
			j = pick[j]
		}
		if j < 0 || (j+1)*n*n > len(counts) {
			return fmt.Errorf("pattern %d is outside the array of %d values", j, len(counts))
		}
		for i, v := range counts[j*n*n : (j+1)*n*n] {
			dst[i] = float64(v)
		}
		return nil
	}
}

// Fit describes how well an object explains the counts.
type Fit struct {
	// R is Σ(√λ − √k)²/Σk over all patterns, with one factor on λ so that Σλ = Σk and without background.
	R Number `json:"r"`
	// Factor is the factor on λ.
	Factor Number `json:"factor"`
	// Deviance is the mean per pixel of 2(λ − k + k·ln(k/λ)), with the factor and the background in λ; NaN if not
	// requested.
	Deviance Number `json:"deviance"`
	// Expected is the deviance of Poisson counts of these λ.
	Expected Number `json:"expected_deviance"`
	// ExpectedR is R of Poisson counts of these λ; NaN if not requested.
	ExpectedR Number `json:"expected_r"`
	// Misfits are those of each frame and pixel; empty if not requested.
	Misfits Misfits `json:"-"`
}

// FitOptions are the options of Residual.
type FitOptions struct {
	// Deviance requests the deviances, which cost a second pass.
	Deviance bool
	// Misfits requests ExpectedR and the misfits, which cost a second pass.
	Misfits bool
	// Background is added to λ for the deviances, in counts per pixel. It must then be positive, because counts at λ =
	// 0 make the deviance infinite.
	Background float64
	// Workers is the number of goroutines; 0 means one per processor. The result does not depend on it.
	Workers int
}

// Residual predicts every pattern from the object, λ = Σ_modes |FFT_ortho(P·patch)|², with the patch sampled at the
// pattern's sub-pixel position relative to origin (bilinear, 0 outside the object), and compares λ with the counts.
func Residual(ctx context.Context, object raster.Complex, origin [2]float64, p Patterns, o FitOptions) (Fit, error) {
	if err := object.Validate(); err != nil {
		return Fit{}, fmt.Errorf("metrics: residual: %w", err)
	}
	if !object.Finite() {
		return Fit{}, errors.New("metrics: residual: the object has values that are not finite numbers")
	}
	return fit(ctx, p, o, func(patch []complex128, j int) {
		raster.ExtractTo(patch, object, p.Rows[j]-origin[0], p.Cols[j]-origin[1], p.N)
	})
}

// FlatResidual returns the Residual of an object of amplitude 1 everywhere: the score of a network that learned
// nothing.
func FlatResidual(ctx context.Context, p Patterns, o FitOptions) (Fit, error) {
	return fit(ctx, p, o, func(patch []complex128, _ int) {
		for i := range patch {
			patch[i] = 1
		}
	})
}

// sums are over the pixels of one pattern.
type sums struct{ lambda, k, root, deviance, expected float64 } // root: Σ√(λk)

func fit(ctx context.Context, p Patterns, o FitOptions, extract func(patch []complex128, j int)) (Fit, error) {
	fail := func(err error) (Fit, error) { return Fit{}, fmt.Errorf("metrics: residual: %w", err) }
	if err := p.validate(); err != nil {
		return fail(err)
	}
	if !(o.Background >= 0) || math.IsInf(o.Background, 0) {
		return fail(fmt.Errorf("the background is %v, want a number, at least 0", o.Background))
	}
	total, err := p.pass(ctx, o.Workers, extract, func(s *sums, _, _ int, lambda, k float64) {
		s.lambda += lambda
		s.k += k
		s.root += math.Sqrt(lambda * k)
	})
	if err != nil {
		return fail(err)
	}
	switch {
	case !(total.k > 0):
		return fail(errors.New("the patterns have no counts"))
	case !(total.lambda > 0) || math.IsInf(total.lambda, 0):
		return fail(errors.New("probe and object predict no counts; check that neither is empty"))
	}
	factor := total.k / total.lambda
	// Σ(√(fλ) − √k)² = fΣλ − 2√f·Σ√(λk) + Σk, and fΣλ = Σk.
	f := Fit{Factor: Number(factor), R: Number(max(0, 2-2*total.root/math.Sqrt(total.lambda)/math.Sqrt(total.k)))}
	f.Deviance, f.Expected, f.ExpectedR = Number(math.NaN()), Number(math.NaN()), Number(math.NaN())
	if o.Misfits {
		if err := p.misfits(ctx, o.Workers, extract, factor, &f); err != nil {
			return fail(err)
		}
		f.ExpectedR = Number(f.Misfits.Totals().Expected / total.k)
	}
	if o.Deviance {
		if err := p.deviance(ctx, o, extract, factor, &f); err != nil {
			return fail(err)
		}
	}
	return f, nil
}

// misfits sets the misfits of f.
func (p Patterns) misfits(ctx context.Context, workers int, extract func([]complex128, int), factor float64, f *Fit) error {
	f.Misfits = Misfits{Frames: make([]Misfit, len(p.Rows)), Pixels: make([]Misfit, p.N*p.N)}
	stripes := make([][]Misfit, MisfitStripes)
	for s := range stripes {
		stripes[s] = make([]Misfit, p.N*p.N)
	}
	_, err := p.pass(ctx, workers, extract, func(_ *sums, j, i int, lambda, k float64) {
		lambda *= factor
		d := math.Sqrt(lambda) - math.Sqrt(k)
		m := Misfit{d * d, physics.ExpectedMisfit(lambda)}
		for _, to := range []*Misfit{&f.Misfits.Frames[j], &stripes[j%MisfitStripes][i]} {
			to.Measured += m.Measured
			to.Expected += m.Expected
		}
	})
	f.Misfits.AddStripes(stripes)
	return err
}

// deviance sets the deviances of f.
func (p Patterns) deviance(ctx context.Context, o FitOptions, extract func([]complex128, int), factor float64, f *Fit) error {
	total, err := p.pass(ctx, o.Workers, extract, func(s *sums, _, _ int, lambda, k float64) {
		lambda = factor*lambda + o.Background
		s.deviance += physics.PoissonDeviance(lambda, k)
		s.expected += physics.ExpectedDeviance(lambda)
	})
	if err != nil {
		return err
	}
	pixels := p.N * p.N
	if p.Mask != nil {
		pixels = 0
		for _, ok := range p.Mask {
			if ok {
				pixels++
			}
		}
	}
	count := float64(pixels) * float64(len(p.Rows))
	f.Deviance, f.Expected = Number(total.deviance/count), Number(total.expected/count)
	return nil
}

func (p Patterns) validate() error {
	switch {
	case p.N < 1 || p.N > 1<<14:
		return fmt.Errorf("the side of the patterns is %d, want at least 1", p.N)
	case len(p.Rows) == 0:
		return errors.New("the patterns are missing")
	case len(p.Rows) != len(p.Cols):
		return fmt.Errorf("%d row coordinates but %d column coordinates", len(p.Rows), len(p.Cols))
	case len(p.Probe) == 0:
		return errors.New("the probe is missing")
	case p.Mask != nil && len(p.Mask) != p.N*p.N:
		return fmt.Errorf("the mask has %d pixels for patterns of %d×%d", len(p.Mask), p.N, p.N)
	case p.Counts == nil:
		return errors.New("the counts are missing")
	}
	for m, mode := range p.Probe {
		if len(mode) != p.N*p.N {
			return fmt.Errorf("mode %d of the probe has %d pixels for patterns of %d×%d", m, len(mode), p.N, p.N)
		}
	}
	for j := range p.Rows {
		if y, x := p.Rows[j], p.Cols[j]; math.IsNaN(y+x) || math.IsInf(y+x, 0) {
			return fmt.Errorf("the position (%v, %v) of pattern %d is not finite", y, x, j)
		}
	}
	return nil
}

// expect sets lambda to the far field's intensity of a patch.
func (p Patterns) expect(f *raster.Fourier, lambda []float64, patch, wave []complex128) {
	clear(lambda)
	for _, mode := range p.Probe {
		for i, v := range mode {
			wave[i] = v * patch[i]
		}
		f.AddIntensity(lambda, wave)
	}
}

// pass sums over the pixels of every pattern, patterns in parallel; then it adds the patterns' sums in order, so that
// the result does not depend on the number of workers.
func (p Patterns) pass(ctx context.Context, workers int, extract func([]complex128, int), add func(s *sums, j, i int, lambda, k float64)) (sums, error) {
	n := len(p.Rows)
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = min(workers, n, MisfitStripes)
	each := make([]sums, n)
	failed := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			f := raster.NewFourier(p.N, p.N)
			patch, wave := make([]complex128, p.N*p.N), make([]complex128, p.N*p.N)
			lambda, counts := make([]float64, p.N*p.N), make([]float64, p.N*p.N)
			for j := range n {
				if j%MisfitStripes%workers != w { // a stripe belongs to one worker
					continue
				}
				if failed[w] = ctx.Err(); failed[w] != nil {
					return
				}
				if err := p.Counts(j, counts); err != nil {
					failed[w] = fmt.Errorf("pattern %d: %w", j, err)
					return
				}
				extract(patch, j)
				p.expect(f, lambda, patch, wave)
				for i, k := range counts {
					if p.Mask != nil && !p.Mask[i] {
						continue
					}
					if !(k >= 0) || math.IsInf(k, 0) {
						failed[w] = fmt.Errorf("pattern %d: the count at row %d, column %d is %v, want a finite number, at least 0", j, i/p.N, i%p.N, k)
						return
					}
					add(&each[j], j, i, lambda[i], k)
				}
			}
		})
	}
	wg.Wait()
	var total sums
	for _, err := range failed {
		if err != nil {
			return total, err
		}
	}
	for _, s := range each {
		total.lambda += s.lambda
		total.k += s.k
		total.root += s.root
		total.deviance += s.deviance
		total.expected += s.expected
	}
	return total, nil
}
