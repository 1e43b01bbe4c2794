package examine

import (
	"context"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/fft"
)

// A spectrum is the Fourier transform of mean patterns: the autocorrelation of the exit waves as a function of the shift between the two
// waves. A probe of finite size makes it 0 beyond the probe's diameter, whatever the object. What is left there is noise, and the
// pixels' own errors.
type spectrum struct {
	n           int
	plan        *fft.Plan64
	work        fft.Work
	first, last []complex128 // [N·N] of the first and of the second half of the frames, by shift, (0, 0) first
	free        []int        // shifts of one half plane beyond the probe, the nearest first
	bound       []float64    // of each, the largest share of the signal's power there relative to shift 0
	light       float64      // counts, each weighted by the square of the window
	mean        []float64    // [N·N] sum of the frames, bad pixels filled in
	filled      float64      // power of the filled pixels
}

const (
	// rimShare is the width of the window's falling edge relative to the side.
	rimShare = 1. / 8
	// brightest object's intensity over the mean, for the bound of the signal beyond the probe.
	objectContrast = 3
	// fewestFree is the least number of free shifts.
	fewestFree = 200
	// mostFilled is the share of the light in filled pixels above which the spectrum says nothing.
	mostFilled = 0.02
)

func newSpectrum(n int) *spectrum {
	plan, err := fft.New64(n, n)
	if err != nil {
		return nil
	}
	return &spectrum{n: n, plan: plan}
}

// spectrum measures the spectrum of the frames that are not left out; nil if there are too few of them.
func (p *profile) spectrum(ctx context.Context) (*spectrum, error) {
	if p.N < 16 || p.used < 4*fewestFrames {
		return nil, nil
	}
	s := newSpectrum(p.N)
	if s == nil {
		return nil, nil
	}
	halves := [2][]float64{make([]float64, p.N*p.N), make([]float64, p.N*p.N)}
	seen := 0
	err := p.some(ctx, func(j int, counts []float32) {
		to := halves[min(2*seen/p.used, 1)]
		seen++
		for i, k := range counts {
			if len(p.cosmic) > 0 && p.cosmic[[2]int{j, i}] {
				k = float32(p.sum[i] / float64(p.used))
			}
			to[i] += float64(k)
		}
	})
	if err != nil {
		return nil, err
	}
	s.mean = make([]float64, p.N*p.N)
	for h := range halves {
		p.fill(halves[h])
		for i, v := range halves[h] {
			s.mean[i] += v
		}
	}
	all := 0.0
	for i, v := range s.mean {
		w := s.window(i)
		s.light += w * w * v
		all += v
		if p.bad[i] {
			s.filled += w * w * v * v
		}
	}
	s.first, s.last = s.transform(halves[0]), s.transform(halves[1])
	if !(all > 0) {
		return nil, nil
	}
	return s, nil
}

// fill replaces bad pixels by the mean of the good ones around, from the edges of a bad area inwards.
func (p *profile) fill(v []float64) {
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

// window falls to 0 at the edges, where light that is cut off would spread over all shifts.
func (s *spectrum) window(i int) float64 {
	w := 1.0
	for _, at := range [2]int{i / s.n, i % s.n} {
		d := (float64(min(at, s.n-1-at)) + 0.5) / (rimShare * float64(s.n))
		if d < 1 {
			w *= 0.5 - 0.5*math.Cos(math.Pi*d)
		}
	}
	return w
}

// transform returns the transform of a real image with its centre at N/2, with shift (0, 0) first.
func (s *spectrum) transform(of []float64) []complex128 {
	out := make([]complex128, len(of))
	for i, v := range of {
		out[i] = complex(v*s.window(i), 0)
	}
	s.plan.InverseCentred(out, out, &s.work)
	return out
}

// beyond sets the shifts beyond the probe: where the autocorrelation of its amplitude bounds the signal.
func (s *spectrum) beyond(probe []complex64, limit float64) {
	n := s.n
	share := s.reach(probe)
	s.free, s.bound = nil, nil
	for i, a := range share {
		y, x := i/n, i%n
		v, u := (y+n/2)%n-n/2, (x+n/2)%n-n/2
		if (v > 0 || v == 0 && u > 0) && 2*abs(v) < n && 2*abs(u) < n && a < limit {
			s.free = append(s.free, i)
		}
	}
	slices.SortStableFunc(s.free, func(a, b int) int { return s.square(a) - s.square(b) })
	for _, i := range s.free {
		a := objectContrast * share[i]
		s.bound = append(s.bound, a*a)
	}
}

// square returns the squared length of a shift.
func (s *spectrum) square(i int) int {
	n := s.n
	y, x := (i/n+n/2)%n-n/2, (i%n+n/2)%n-n/2
	return y*y + x*x
}

// reach returns the autocorrelation of the probe's amplitude relative to its power, [N·N] by shift.
func (s *spectrum) reach(probe []complex64) []float64 {
	size := s.n * s.n
	out := make([]float64, size)
	for m := 0; m+size <= len(probe); m += size {
		wave := make([]complex128, size)
		for i, v := range probe[m : m+size] {
			wave[i] = complex(math.Hypot(float64(real(v)), float64(imag(v))), 0)
		}
		s.correlate(wave)
		for i, v := range wave {
			out[i] += real(v)
		}
	}
	top := out[0]
	for i := range out {
		out[i] = max(out[i], 0) / max(top, math.SmallestNonzeroFloat64)
	}
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
