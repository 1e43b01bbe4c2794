package examine

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/scan"
)

const (
	// sizeFrames, or those with sizeValues, bound the number of frames whose autocorrelation is measured.
	sizeFrames, sizeValues = 64, 1 << 18
	// A given probe is too large if the frames' autocorrelation is this factor narrower than the probe's, and too small if that of the
	// mean pattern is this factor wider.
	tooNarrow, tooWide = 0.92, 1.15
	// leastPower is the least number of photons in a frame.
	leastPower = 100
	// mostFilled is the largest share of the light that bad pixels may have by their surroundings. It moves the limits by these factors, since
	// the form of the beam behind them is a guess.
	mostFilled, narrower, wider = 0.7, 1.4, 2
)

// size finds a probe of another scale, as one that was reconstructed with another N or binning.
//
// The transform of a frame is the autocorrelation of its exit wave, and that of the mean pattern is the autocorrelation of the probe times
// that of the object, which is largest for shift 0. So the power of the mean pattern's transform has at most the radius of the probe's. The
// power of single frames has more: their structure adds up to the autocorrelation of the probe's intensity, which is wider. It is
// narrower than the probe's only where the object is dark in most of the probe. Both are compared with seven standard errors of 20 parts.
//
// Frame j contributes Re T_j·(Σ_k T_k − T_j)* to the power of the mean: without j, which has photon noise.
func (p *profile) size(ctx context.Context) ([]Finding, error) {
	s := p.spectrum()
	if s == nil || p.N < 16 || p.used < 2*blocks || len(p.Probe) == 0 || len(p.Probe)%(p.N*p.N) != 0 || p.Diameter <= 0 {
		return nil, nil
	}
	filled := p.filled()
	if filled > mostFilled {
		return nil, nil // the form of the beam is a guess
	}
	bound := s.radius(p.Probe)
	narrow, wide := tooNarrow*(1-narrower*filled), tooWide*(1+wider*filled)
	all := make([]complex128, s.half())
	var high, low []float64 // of each frame: power·(radius² − bound²), whose mean is positive or negative
	var power, moment, meanPower, meanMoment float64
	first := func(t []complex64, noise float64) {
		b, m := s.moments(t, func(i int, v complex64) float64 {
			re, im := float64(real(v)), float64(imag(v))
			all[i] += complex(re, im)
			return re*re + im*im - noise
		})
		power, moment, low = power+b, moment+m, append(low, narrow*narrow*bound*b-m)
	}
	second := func(t []complex64, _ float64) {
		b, m := s.moments(t, func(i int, v complex64) float64 {
			re, im := float64(real(v)), float64(imag(v))
			return re*(real(all[i])-re) + im*(imag(all[i])-im)
		})
		meanPower, meanMoment, high = meanPower+b, meanMoment+m, append(high, m-wide*wide*bound*b)
	}
	if err := p.transforms(ctx, s, first, second); err != nil {
		return nil, err
	}
	if min(power, moment, meanPower, meanMoment, bound) <= 0 {
		return nil, nil
	}
	t, much, radius := meanOverError(low), "smaller", math.Sqrt(moment/power)
	if h := meanOverError(high); h > t {
		t, much, radius = h, "larger", math.Sqrt(meanMoment/meanPower)
	}
	if t < surely {
		return nil, nil
	}
	p.scale = radius / math.Sqrt(bound)
	return []Finding{{
		ID: ProbeSize, Severity: Warning, LogChance: decimal(logAlpha), Evidence: map[string]float64{"radius": radius, "probe_radius": math.Sqrt(bound), "standard_errors": t},
		What: fmt.Sprintf("the patterns are those of a %s probe than the given one: their autocorrelation has a radius of %.3g px and the probe's has %.3g px", much, radius, math.Sqrt(bound)),
		Fix:  "scale the probe to this scan's object pixel, or leave it out to have one estimated from the patterns",
	}}, nil
}

// half returns the number of shifts whose row is not negative, the first values of a transform. That of a real image has the conjugate values
// at the other shifts.
func (s *spectrum) half() int { return (s.n/2 + 1) * s.n }

// moments returns the sums of a power, which is the same at opposite shifts, and of its product with the squared shift, over all shifts but 0.
// visit returns the power of a value of t, which has half of the shifts.
func (s *spectrum) moments(t []complex64, visit func(i int, v complex64) float64) (power, moment float64) {
	for y := 0; y <= s.n/2; y++ {
		twice := 2.0
		if y == 0 || 2*y == s.n { // the opposite shifts are in the same row
			twice = 1
		}
		from := y * s.n
		if y == 0 {
			from = 1
		}
		b, m := 0.0, 0.0
		for i := from; i < (y+1)*s.n; i++ {
			v := visit(i, t[i])
			b, m = b+v, m+s.far[i]*v
		}
		power, moment = power+twice*b, moment+twice*m
	}
	return power, moment
}

// mostKept is the number of values of transforms that are kept for the second visit. Of larger patterns they are computed twice.
const mostKept = 1 << 22

// transforms passes to visits, one after the other, half of the transforms of some frames over their counts, and the power of their photon
// noise at every shift.
func (p *profile) transforms(ctx context.Context, s *spectrum, visits ...func(t []complex64, noise float64)) error {
	type transform struct {
		t     []complex64
		noise float64
	}
	var kept []transform
	frames := scan.Thin(p.lit(), max(sizeFrames, sizeValues/len(p.sum)))
	keeps := len(frames)*s.half() <= mostKept
	for n, visit := range visits {
		for _, k := range kept {
			visit(k.t, k.noise)
		}
		if n > 0 && keeps {
			continue
		}
		err := p.transformed(ctx, s, frames, func(t []complex64, noise float64) {
			visit(t, noise)
			if keeps {
				kept = append(kept, transform{slices.Clone(t), noise})
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *profile) transformed(ctx context.Context, s *spectrum, frames []int, visit func(t []complex64, noise float64)) error {
	image, struck := make([]float64, p.N*p.N), p.struck()
	unit, base := float64(max(p.unit, 1)), p.background()
	for _, j := range frames {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		light, total := 0.0, 0.0
		for i, k := range p.Patterns.Pattern(p.at[j]) {
			image[i] = float64(k) - base
		}
		for _, i := range struck[j] {
			image[i] = p.sum[i]/float64(p.used) + p.base - base
		}
		p.fill(image)
		for y, rim := range s.rim {
			for x, v := range image[y*s.n : (y+1)*s.n] {
				w := rim * s.rim[x]
				light += w * w * (v + base - p.base)
				total += v
			}
		}
		if total < leastPower*unit {
			continue
		}
		visit(s.transform(image, total)[:s.half()], p.noise*light*unit/float64(len(image))/(total*total))
	}
	return nil
}

// filled returns the share of the light that bad pixels have by the pixels around.
func (p *profile) filled() float64 {
	mean := slices.Clone(p.sum)
	p.fill(mean)
	bad, all := 0.0, 0.0
	for i, v := range mean {
		all += v
		if p.bad[i] {
			bad += v
		}
	}
	return bad / max(all, math.SmallestNonzeroFloat64)
}

// background returns the mean count that the darkest tenth of the pixels do not exceed, with the offset.
func (p *profile) background() float64 {
	var values []float64
	for i, v := range p.sum {
		if !p.bad[i] {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return p.base
	}
	return p.base + scan.Select(values, len(values)/darkest)/float64(max(p.used, 1))
}

// lit returns the frames that are not left out.
func (p *profile) lit() []int {
	var in []int
	for j, out := range p.out {
		if !out {
			in = append(in, j)
		}
	}
	return in
}

// radius returns the mean squared shift of the power of the probe's autocorrelation. The window over the patterns blurs it little and is
// left out.
func (s *spectrum) radius(probe []complex64) float64 {
	size := s.n * s.n
	all := make([]complex128, size)
	for m := 0; m+size <= len(probe); m += size {
		wave := make([]complex128, size)
		for i, v := range probe[m : m+size] {
			wave[i] = complex128(v)
		}
		s.correlate(wave)
		for i, v := range wave {
			all[i] += v
		}
	}
	var power, moment float64
	for i, v := range all {
		if d := s.far[i]; d > 0 {
			power, moment = power+square(v), moment+d*square(v)
		}
	}
	return moment / max(power, math.SmallestNonzeroFloat64)
}
