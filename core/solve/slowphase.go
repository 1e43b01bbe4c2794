package solve

import (
	"context"
	"math"
	"math/cmplx"
	"math/rand/v2"

	"github.com/ptychogo/ptycho/core/fft"
)

// The low-frequency step. Engines that correct one pattern at a time carry a phase from pattern to pattern across the
// scan, so that slow phases need ten times as many iterations as detail. After an iteration the phase of its change,
//
//	δ = arg(O·conj(O_before))·min(|O·conj(O_before)|, 1),
//
// is smoothed, D_s = G_s(W·δ)/G_s(W) with W = √(light/max light) and Gaussians G_s of several widths, and O is
// multiplied by exp(iΣκ_s·D_s). The lengths κ solve the linearised least-squares problem of the amplitudes √λ of some
// patterns, min Σ(√k − √λ − Σκ_s·v_s)² with v_s = ∂√λ/∂κ_s. A fixed length diverges on objects with sharp detail; the
// least-squares length is small there.

const (
	// slowShare and slowPatterns bound the patterns that determine the lengths: one in four, at most 128. They hold
	// thousands of pixels each, and the unknowns are three.
	slowShare    = 4
	slowPatterns = 128
	// slowRidge is added to the diagonal, relative to it: similar directions must not cancel with large lengths.
	slowRidge = 1e-3
	// slowAmplitude, in roots of counts, regularises the derivative of √λ at λ = 0.
	slowAmplitude = 0.01
	// slowTurn is the largest phase of a step, in rad: the derivatives hold for small ones.
	slowTurn = 1.0
	// slowLight is the least sum of weights under a Gaussian, relative to full light.
	slowLight = 1e-3
)

// slowWidths are the standard deviations of the Gaussians, in pixels. Measured together they were never worse than one
// of them alone.
var slowWidths = [...]float64{5, 12, 28}

// slowStep holds the buffers of the step.
type slowStep struct {
	v       *solver
	grid    slowGrid
	weight  []float32                  // [grid] W
	change  []float32                  // [grid] W·δ
	smooth  []float32                  // [grid] one D_s, later the phase of the step
	spread  [len(slowWidths)][]float32 // [grid] 1/G_s(W)
	packed  [2][]complex64             // [grid] D_1 + i·D_2 and D_3
	works   []slowWork                 // one per worker
	systems [][slowUnknowns]float64    // one per slot
	scale   float64                    // of the phase
}

// slowUnknowns is the number of sums of the least-squares system: the lower triangle and the right side.
const slowUnknowns = len(slowWidths)*(len(slowWidths)+1)/2 + len(slowWidths)

type slowWork struct {
	wave, far, patch []complex64
	columns          []between // of the patch's columns in the grid
	v                [len(slowWidths)][]float32
}

func (v *solver) newSlowStep() *slowStep {
	g := newSlowGrid(v.h, v.w)
	size := g.h * g.w
	s := &slowStep{v: v, grid: g, weight: make([]float32, size), change: make([]float32, size), smooth: make([]float32, size), systems: make([][slowUnknowns]float64, len(v.slots))}
	light, top := v.light(), 0.0
	for _, c := range light {
		top = max(top, float64(real(c)))
	}
	for y := range g.h {
		for x := range g.w {
			s.weight[y*g.w+x] = float32(g.mean(y, x, func(i int) float64 { return math.Sqrt(max(float64(real(light[i])), 0) / top) }))
		}
	}
	for k, sigma := range slowWidths {
		s.spread[k] = clone(s.weight)
		g.blur(v.team, s.spread[k], sigma)
		for i, a := range s.spread[k] {
			s.spread[k][i] = 1 / max(a, slowLight)
		}
	}
	for p := range s.packed {
		s.packed[p] = make([]complex64, size)
	}
	for range v.team.workers {
		w := slowWork{wave: make([]complex64, v.size), far: make([]complex64, v.size), patch: make([]complex64, v.size), columns: make([]between, v.n)}
		for k := range w.v {
			w.v[k] = make([]float32, v.size)
		}
		s.works = append(s.works, w)
	}
	return s
}

// with returns the algorithm followed by the low-frequency step.
func (s *slowStep) with(iterate algorithm, turn func(factor []complex64)) algorithm {
	return func(ctx context.Context, number int) (Iteration, error) {
		it, err := iterate(ctx, number)
		if err != nil {
			return it, err
		}
		phase, err := s.phase(ctx, s.v.before, number)
		if err != nil || phase == nil {
			return it, err
		}
		var factor []complex64
		switch {
		case turn == nil:
		case len(phase) == len(s.v.object):
			factor = s.packed[0] // is not needed any more
		default:
			factor = make([]complex64, len(s.v.object))
		}
		s.multiply(phase, factor)
		if turn != nil {
			turn(factor)
		}
		return it, nil
	}
}

// phase returns Σκ_s·D_s on the grid, in rad, or nil if the step does not lower the misfit. scale then has its factor.
func (s *slowStep) phase(ctx context.Context, before []complex64, number int) ([]float32, error) {
	v := s.v
	s.directions(before)
	rows := v.slowRows(number)
	var total [slowUnknowns]float64
	for from := 0; from < len(rows); from += len(v.slots) {
		if err := v.ended(ctx); err != nil {
			return nil, err
		}
		slots := v.slots[:min(len(v.slots), len(rows)-from)]
		v.each(len(slots), func(w, i int) { s.systems[i] = s.equations(v.works[w], &s.works[w], slots[i], rows[from+i]) })
		for i := range slots {
			for q, e := range s.systems[i] {
				total[q] += e
			}
		}
	}
	kappa := slowLengths(total)
	if kappa == nil {
		return nil, nil
	}
	out, most := s.smooth, 0.0
	for i := range out {
		angle := 0.0
		for k, d := range [...]float32{real(s.packed[0][i]), imag(s.packed[0][i]), real(s.packed[1][i])} {
			angle += kappa[k] * float64(d)
		}
		most = max(most, math.Abs(angle))
		out[i] = float32(angle)
	}
	if !(most > 0) || math.IsInf(most, 0) {
		return nil, nil
	}
	s.scale = min(1, slowTurn/most) * float64(v.slow)
	return out, nil
}

// multiply multiplies the object by exp(i·scale·phase), and stores that in factor [h·w] unless it is nil.
func (s *slowStep) multiply(phase []float32, factor []complex64) {
	v := s.v
	v.team.do((v.h+band-1)/band, func(_, b int) {
		line := make([]float32, v.w)
		for y := b * band; y < min((b+1)*band, v.h); y++ {
			s.grid.row(line, phase, y)
			for x, a := range line {
				f := complex64(cmplx.Rect(1, s.scale*float64(a)))
				v.object[y*v.w+x] *= f
				if factor != nil {
					factor[y*v.w+x] = f
				}
			}
		}
	})
}

// directions computes the D_s of the change since before.
func (s *slowStep) directions(before []complex64) {
	v, g := s.v, s.grid
	turned := func(i int) float64 {
		z := complex128(v.object[i] * conj(before[i]))
		if z == 0 {
			return 0
		}
		return cmplx.Phase(z) * min(cmplx.Abs(z), 1)
	}
	v.team.do((g.h+band-1)/band, func(_, b int) {
		for i := b * band * g.w; i < min((b+1)*band, g.h)*g.w; i++ {
			if s.change[i] = 0; s.weight[i] > 0 {
				s.change[i] = s.weight[i] * float32(g.mean(i/g.w, i%g.w, turned))
			}
		}
	})
	for k, sigma := range slowWidths {
		copy(s.smooth, s.change)
		g.blur(v.team, s.smooth, sigma)
		packed := s.packed[k/2]
		for i, a := range s.spread[k] {
			if d := s.smooth[i] * a; k%2 == 0 {
				packed[i] = complex(d, 0)
			} else {
				packed[i] = complex(real(packed[i]), d)
			}
		}
	}
}

// slowRows draws the patterns that determine the lengths.
func (v *solver) slowRows(number int) []int {
	rng := rand.New(rand.NewPCG(v.o.Seed*0x9e3779b97f4a7c15+uint64(number), ^uint64(number)))
	all := v.fitted()
	rows := make([]int, 0, slowPatterns)
	for _, i := range rng.Perm(len(all))[:min(max(len(all)/slowShare, 1), slowPatterns)] {
		rows = append(rows, all[i])
	}
	return rows
}

// equations returns a pattern's sums Σv_s·v_t and Σv_s·(√k − √λ).
func (s *slowStep) equations(wk *work, sw *slowWork, slot *slot, j int) (out [slowUnknowns]float64) {
	v := s.v
	v.expect(wk, slot, j)
	scale := sqrt32(v.intensity[j])
	for k := range slowWidths {
		clear(sw.v[k])
		if k%2 == 0 {
			s.cut(sw, s.packed[k/2], v.top[j], v.left[j])
		}
		for i, d := range sw.patch { // i·D·O
			a := real(d)
			if k%2 == 1 {
				a = imag(d)
			}
			o := slot.patch[i]
			sw.wave[i] = complex(-a*imag(o), a*real(o))
		}
		for m, far := range slot.waves {
			v.plan.Transform(fft.Target{Image: sw.far, Scale: scale, ConjBy: far}, fft.Source{Image: sw.wave, Factor: fft.TimesBy, By: v.probe[m]}, fft.ForwardCentred, &wk.fourier)
			for i, c := range sw.far {
				sw.v[k][i] += real(c)
			}
		}
	}
	counts := v.counts(slot)
	for i, l := range slot.lambda {
		if v.mask != nil && v.mask[i] == 0 {
			continue
		}
		root := sqrt32(l)
		f := 1 / (root + slowAmplitude)
		r := sqrt32(counts[i]) - root
		a, b, c := float64(f*sw.v[0][i]), float64(f*sw.v[1][i]), float64(f*sw.v[2][i])
		out[0] += a * a
		out[1] += b * a
		out[2] += b * b
		out[3] += c * a
		out[4] += c * b
		out[5] += c * c
		out[6] += a * float64(r)
		out[7] += b * float64(r)
		out[8] += c * float64(r)
	}
	return out
}

// slowLengths solves the system of the sums, or returns nil.
func slowLengths(sums [slowUnknowns]float64) []float64 {
	const n = len(slowWidths)
	matrix, at := make([]float64, n*n), 0
	for r := range n {
		for c := range r + 1 {
			matrix[r*n+c], matrix[c*n+r] = sums[at], sums[at]
			at++
		}
		matrix[r*n+r] *= 1 + slowRidge
	}
	return solveSymmetric(matrix, sums[at:])
}
