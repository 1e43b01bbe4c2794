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
	"github.com/ptychogo/ptycho/core/stitch"
)

// Patterns are measured diffraction patterns, as Residual reads them.
type Patterns struct {
	N          int            // side of a pattern
	Rows, Cols []float64      // [n] scan positions: the patches' pixel N/2
	Probe      [][]complex128 // modes, each [N, N]; the scale does not matter to Residual
	// Counts fills dst [N, N] with the counts of pattern j, frequency 0 at (N/2, N/2). It is called from several
	// goroutines.
	Counts func(j int, dst []float64) error
	// Mask [N, N] is false at pixels that do not count; nil is all true.
	Mask []bool
}

// CountsIn reads patterns from one array [n, N, N]; pick names the rows in it, nil is all, in order.
func CountsIn[T uint8 | uint16 | uint32 | int32 | int64 | float32 | float64](counts []T, n int, pick []int) func(int, []float64) error {
	return func(j int, dst []float64) error {
		if pick != nil {
			if j >= len(pick) {
				return fmt.Errorf("pattern %d of %d", j, len(pick))
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

// Fit says how well an object explains the counts.
type Fit struct {
	// R is Σ(√λ − √k)²/Σk over all patterns, with one factor on λ so that Σλ = Σk and no background.
	R Number `json:"r"`
	// Factor is that factor.
	Factor Number `json:"factor"`
	// Deviance is the mean per pixel of 2(λ − k + k·ln(k/λ)), with the factor and the background in λ; NaN when it was
	// not asked for.
	Deviance Number `json:"deviance"`
	// Expected is the deviance that Poisson counts of these λ would have.
	Expected Number `json:"expected_deviance"`
}

// FitOptions says what else Residual computes.
type FitOptions struct {
	// Deviance asks for the deviances; they cost a second pass.
	Deviance bool
	// Background is added to λ for the deviances, in counts per pixel; it must then be positive, or a pixel with
	// counts where λ is 0 makes the deviance infinite.
	Background float64
	// Workers is the number of goroutines; 0 is one per processor. The result does not depend on it.
	Workers int
}

// Residual predicts every pattern from the object, λ = Σ_modes |FFT_ortho(P·patch)|², the patch sampled at the
// pattern's sub-pixel position less origin (bilinear, 0 outside the object), and compares it with the counts.
func Residual(ctx context.Context, object raster.Complex, origin [2]float64, p Patterns, o FitOptions) (Fit, error) {
	if err := object.Validate(); err != nil {
		return Fit{}, fmt.Errorf("metrics: residual: %w", err)
	}
	if !object.Finite() {
		return Fit{}, errors.New("metrics: residual: the object holds values that are not finite numbers")
	}
	return fit(ctx, p, o, func(patch []complex128, j int) {
		stitch.ExtractTo(patch, object, p.Rows[j]-origin[0], p.Cols[j]-origin[1], p.N)
	})
}

// FlatResidual is the Residual of an object of amplitude 1 everywhere: what nothing learned scores.
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
		return fail(fmt.Errorf("the background %v is not a number of at least 0", o.Background))
	}
	total, err := p.pass(ctx, o.Workers, extract, func(s *sums, lambda, k float64) {
		s.lambda += lambda
		s.k += k
		s.root += math.Sqrt(lambda * k)
	})
	if err != nil {
		return fail(err)
	}
	switch {
	case !(total.k > 0):
		return fail(errors.New("the patterns hold no counts"))
	case !(total.lambda > 0) || math.IsInf(total.lambda, 0):
		return fail(errors.New("probe and object predict no counts; are the probe or the object empty?"))
	}
	factor := total.k / total.lambda
	// Σ(√(fλ) − √k)² = fΣλ − 2√f·Σ√(λk) + Σk, and fΣλ = Σk.
	f := Fit{Factor: Number(factor), R: Number(max(0, 2-2*total.root/math.Sqrt(total.lambda)/math.Sqrt(total.k)))}
	if !o.Deviance {
		f.Deviance, f.Expected = Number(math.NaN()), Number(math.NaN())
		return f, nil
	}
	total, err = p.pass(ctx, o.Workers, extract, func(s *sums, lambda, k float64) {
		lambda = factor*lambda + o.Background
		s.deviance += physics.PoissonDeviance(lambda, k)
		s.expected += physics.ExpectedDeviance(lambda)
	})
	if err != nil {
		return fail(err)
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
	return f, nil
}

func (p Patterns) validate() error {
	switch {
	case p.N < 1 || p.N > 1<<14:
		return fmt.Errorf("patterns of %d pixels a side", p.N)
	case len(p.Rows) == 0:
		return errors.New("there are no patterns")
	case len(p.Rows) != len(p.Cols):
		return fmt.Errorf("%d row coordinates but %d column coordinates", len(p.Rows), len(p.Cols))
	case len(p.Probe) == 0:
		return errors.New("there is no probe")
	case p.Mask != nil && len(p.Mask) != p.N*p.N:
		return fmt.Errorf("a mask of %d pixels for patterns of %d×%d", len(p.Mask), p.N, p.N)
	case p.Counts == nil:
		return errors.New("there are no counts")
	}
	for m, mode := range p.Probe {
		if len(mode) != p.N*p.N {
			return fmt.Errorf("mode %d of the probe has %d pixels for patterns of %d×%d", m, len(mode), p.N, p.N)
		}
	}
	for j := range p.Rows {
		if y, x := p.Rows[j], p.Cols[j]; math.IsNaN(y+x) || math.IsInf(y+x, 0) {
			return fmt.Errorf("the position (%v, %v) of pattern %d is not a finite number", y, x, j)
		}
	}
	return nil
}

// pass adds over the pixels of every pattern, patterns in parallel; the sums of the patterns are then added in order,
// so the result does not depend on the number of workers.
func (p Patterns) pass(ctx context.Context, workers int, extract func([]complex128, int), add func(s *sums, lambda, k float64)) (sums, error) {
	n := len(p.Rows)
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = min(workers, n)
	each := make([]sums, n)
	failed := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			f := raster.NewFourier(p.N, p.N)
			patch, wave := make([]complex128, p.N*p.N), make([]complex128, p.N*p.N)
			lambda, counts := make([]float64, p.N*p.N), make([]float64, p.N*p.N)
			for j := w; j < n; j += workers {
				if failed[w] = ctx.Err(); failed[w] != nil {
					return
				}
				if err := p.Counts(j, counts); err != nil {
					failed[w] = fmt.Errorf("pattern %d: %w", j, err)
					return
				}
				extract(patch, j)
				clear(lambda)
				for _, mode := range p.Probe {
					for i, v := range mode {
						wave[i] = v * patch[i]
					}
					f.AddIntensity(lambda, wave)
				}
				for i, k := range counts {
					if p.Mask != nil && !p.Mask[i] {
						continue
					}
					if !(k >= 0) || math.IsInf(k, 0) {
						failed[w] = fmt.Errorf("pattern %d: count %v at row %d, column %d", j, k, i/p.N, i%p.N)
						return
					}
					add(&each[j], lambda[i], k)
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
