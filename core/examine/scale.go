package examine

import (
	"context"
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/scan"
)

const (
	// sizeFrames bounds the number of frames whose autocorrelation is measured.
	sizeFrames = 64
	// A probe has another scale if the frames' autocorrelation is this factor narrower or wider than both bounds.
	tooNarrow, tooWide = 0.65, 1.5
	// leastPower is the least number of photons in a frame.
	leastPower = 100
)

// size finds a probe of another scale, as one that was reconstructed with another N or binning.
//
// The transform of a frame is the autocorrelation of its exit wave. Its power, less the photons' noise, which is the number of counts at
// every shift, has a radius between that of the probe's own autocorrelation, for an object without structure, and that of the probe's
// intensity, for an object of structure alone. The radius of the frames is compared with both, with seven standard errors of 20 parts.
func (p *profile) size(ctx context.Context) ([]Finding, error) {
	s := newSpectrum(p.N)
	if s == nil || p.N < 16 || p.used < 2*blocks || len(p.Probe) == 0 || p.Diameter <= 0 {
		return nil, nil
	}
	narrow, wide := s.radii(p.Probe)
	var low, high []float64 // of each frame: power·(radius² − bound²), whose mean is negative or positive
	var power, moment float64
	image := make([]float64, p.N*p.N)
	for _, j := range scan.Thin(p.lit(), sizeFrames) {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		light, total := 0.0, 0.0
		for i, k := range p.Patterns.Pattern(p.at[j]) {
			image[i] = float64(k)
		}
		p.fill(image)
		for i, v := range image {
			w := s.window(i)
			light += w * w * v
			total += v
		}
		if total < leastPower*float64(max(p.unit, 1)) {
			continue
		}
		noise := p.noise * light * float64(max(p.unit, 1)) / float64(len(image))
		var b, m float64
		for i, v := range s.transform(image) {
			d := float64(s.square(i))
			if d == 0 {
				continue
			}
			b, m = b+(square(v)-noise)/(total*total), m+d*(square(v)-noise)/(total*total)
		}
		power, moment = power+b, moment+m
		low, high = append(low, tooNarrow*tooNarrow*narrow*b-m), append(high, m-tooWide*tooWide*wide*b)
	}
	if power <= 0 || moment <= 0 {
		return nil, nil
	}
	t, much := meanOverError(low), "smaller"
	if h := meanOverError(high); h > t {
		t, much = h, "larger"
	}
	if t < surely {
		return nil, nil
	}
	radius := math.Sqrt(moment / power)
	return []Finding{{
		ID: ProbeSize, Severity: Warning, LogChance: decimal(logAlpha), Evidence: map[string]float64{"radius": radius, "least": math.Sqrt(narrow), "most": math.Sqrt(wide), "standard_errors": t},
		What: fmt.Sprintf("the patterns are those of a probe much %s than the given one: their autocorrelation has a radius of %.3g px and the probe's %.3g to %.3g", much, radius, math.Sqrt(narrow), math.Sqrt(wide)),
		Fix:  "scale the probe to this scan's object pixel, or leave it out to have one estimated from the patterns",
	}}, nil
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

// radii returns the mean squared shift of the power of the probe's autocorrelation, and of that of its intensity's, the smaller first.
// The window over the patterns blurs both alike and is left out.
func (s *spectrum) radii(probe []complex64) (narrow, wide float64) {
	size := s.n * s.n
	coherent, rough := make([]complex128, size), make([]float64, size)
	for m := 0; m+size <= len(probe); m += size {
		wave, intensity := make([]complex128, size), make([]complex128, size)
		for i, v := range probe[m : m+size] {
			wave[i] = complex128(v)
			intensity[i] = complex(square(wave[i]), 0)
		}
		s.correlate(wave)
		s.correlate(intensity)
		for i := range wave {
			coherent[i] += wave[i]
			rough[i] += real(intensity[i])
		}
	}
	var power, moment [2]float64
	for i := range rough {
		d := float64(s.square(i))
		if d == 0 {
			continue
		}
		for k, v := range [2]float64{square(coherent[i]), max(rough[i], 0)} {
			power[k], moment[k] = power[k]+v, moment[k]+d*v
		}
	}
	a, b := moment[0]/max(power[0], math.SmallestNonzeroFloat64), moment[1]/max(power[1], math.SmallestNonzeroFloat64)
	return min(a, b), max(a, b)
}
