package examine

import (
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/fft"
)

// A spectrum transforms patterns: the Fourier transform of a pattern is the autocorrelation of the exit wave, as a function of the shift
// between the two waves.
type spectrum struct {
	n    int
	plan *fft.Plan64
	fast *fft.Plan // of patterns
	work fft.Work
	out  []complex64 // of transform
	rim  []float64   // [n] the window's factor along one axis: 0 at the edges, where light that is cut off would spread over all shifts
	far  []float64   // [n·n] squared length of each shift
}

// rimShare is the width of the window's falling edge relative to the side.
const rimShare = 1. / 8

func newSpectrum(n int) *spectrum {
	plan, err := fft.New64(n, n)
	if err != nil {
		return nil
	}
	fast, err := fft.New(n, n)
	if err != nil {
		return nil
	}
	s := &spectrum{n: n, plan: plan, fast: fast, rim: make([]float64, n), far: make([]float64, n*n)}
	for i := range s.far {
		y, x := (i/n+n/2)%n-n/2, (i%n+n/2)%n-n/2
		s.far[i] = float64(y*y + x*x)
	}
	for at := range s.rim {
		s.rim[at] = 1
		if d := (float64(min(at, n-1-at)) + 0.5) / (rimShare * float64(n)); d < 1 {
			s.rim[at] = 0.5 - 0.5*math.Cos(math.Pi*d)
		}
	}
	return s
}

// spectrum returns the transforms of this scan's patterns, nil for a size that cannot be transformed.
func (p *profile) spectrum() *spectrum {
	if p.plans == nil {
		p.plans = newSpectrum(p.N)
	}
	return p.plans
}

// fill replaces bad pixels by the mean of the good ones around, from the edges of a bad area inwards.
func (p *profile) fill(v []float64) {
	if !slices.Contains(p.bad, true) {
		return
	}
	known := make([]bool, len(v))
	var open []int
	for i := range v {
		known[i] = !p.bad[i]
		if p.bad[i] {
			v[i] = 0
			open = append(open, i)
		}
	}
	for len(open) > 0 {
		var next, done []int
		for _, i := range open {
			sum, n := 0.0, 0.0
			p.near(i, func(q int) {
				if known[q] {
					sum, n = sum+v[q], n+1
				}
			})
			if n == 0 {
				next = append(next, i)
				continue
			}
			v[i] = sum / n
			done = append(done, i)
		}
		if len(done) == 0 {
			return
		}
		for _, i := range done {
			known[i] = true
		}
		open = next
	}
}

// transform returns the transform of a real image over total, with its centre at N/2, with shift (0, 0) first. It is valid until the next call.
func (s *spectrum) transform(of []float64, total float64) []complex64 {
	if s.out == nil {
		s.out = make([]complex64, len(of))
	}
	out := s.out
	for y, rim := range s.rim {
		by := rim / total
		row, image := out[y*s.n:(y+1)*s.n], of[y*s.n:(y+1)*s.n]
		for x, v := range image {
			row[x] = complex(float32(v*by*s.rim[x]), 0)
		}
	}
	s.fast.InverseCentred(out, out, &s.work)
	return out
}

// correlate replaces a wave by its autocorrelation, shift (0, 0) first.
func (s *spectrum) correlate(wave []complex128) {
	s.plan.Forward(wave, wave, &s.work)
	for i, v := range wave {
		wave[i] = complex(real(v)*real(v)+imag(v)*imag(v), 0)
	}
	s.plan.Inverse(wave, wave, &s.work)
}
