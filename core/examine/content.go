package examine

import (
	"context"
	"math"
)

const (
	// grown is the factor by which the right probe may be larger than the measured scale, and farthest the largest shift of exit waves over the
	// radius of their autocorrelation: 2.5 for a disk.
	grown, farthest = 1.2, 3.2
)

// contents bound, for each shift, the amplitude of the exit waves' autocorrelation relative to shift 0: by that of the given probe; also by that at
// its right scale, if another was found, for gains can look like a larger probe; or by the radius of the patterns' own, if the given one is not
// a probe.
func (p *profile) contents(ctx context.Context, s *spectrum) ([][]float64, error) {
	if p.found[WideProbe] {
		radius, err := p.radius(ctx, s)
		out := make([]float64, len(s.far))
		for i, d := range s.far {
			if !(d > farthest*farthest*radius) {
				out[i] = 1
			}
		}
		return [][]float64{out}, err
	}
	given := s.amplitudes(p.Probe)
	if p.scale == 0 {
		return [][]float64{given}, nil
	}
	by, n := grown*p.scale, s.n
	out := make([]float64, len(given))
	for i := range out {
		y, x := s.signed(i)
		v, u := int(math.Round(float64(y)/by)), int(math.Round(float64(x)/by))
		if 2*max(abs(v), abs(u)) < n {
			out[i] = given[(v+n)%n*n+(u+n)%n]
		}
	}
	return [][]float64{given, out}, nil
}

// radius returns the mean squared shift of the power of the frames' autocorrelation, infinite without light.
func (p *profile) radius(ctx context.Context, s *spectrum) (float64, error) {
	var power, moment float64
	err := p.transforms(ctx, s, func(t []complex64, noise float64) {
		b, m := s.moments(t, func(_ int, v complex64) float64 { return square(complex128(v)) - noise })
		power, moment = power+b, moment+m
	})
	if power <= 0 {
		return math.Inf(1), err
	}
	return moment / power, err
}
