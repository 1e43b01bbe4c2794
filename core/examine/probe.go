package examine

import (
	"context"
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/scan"
)

const (
	// A probe fills its window if its diameter exceeds this share of the side. An even window has 1.15.
	fills = 0.9
	// The probe's power is noted if it differs from the mean counts by this factor: an object that absorbs
	// most of the light explains less.
	powerFactor = 10
	// turnedBetter is how much better, relative to what is left unexplained, a turned probe fits, and turnedGain the least difference of
	// the correlation coefficients.
	turnedBetter, turnedGain = 0.8, 0.01
	// The beam is looked for within this share of the side.
	beamReach = 4
)

// probe finds a probe that does not belong to the patterns.
func (p *profile) probe(ctx context.Context) ([]Finding, error) {
	size := p.N * p.N
	if p.N < 8 || len(p.Probe) == 0 || len(p.Probe)%size != 0 || p.Diameter <= 0 {
		return nil, nil
	}
	found := append(p.power(), p.wide()...)
	turned, err := p.turned(ctx)
	return append(found, turned...), err
}

func (p *profile) wide() []Finding {
	if _, sure := scan.ProbeCentre(p.Probe, p.N); sure || p.Diameter < fills*float64(p.N) {
		return nil
	}
	return []Finding{{
		ID: WideProbe, Severity: Warning, Evidence: map[string]float64{"diameter": p.Diameter, "side": float64(p.N)},
		What: fmt.Sprintf("the probe fills its window of %d pixels evenly (diameter %.1f): patterns of such a probe are undersampled, or it is not the probe of this scan", p.N, p.Diameter),
		Fix:  "leave the probe out to have one estimated from the patterns",
	}}
}

// power compares the probe's power with the mean counts of a pattern.
func (p *profile) power() []Finding {
	var power, counts float64
	for _, v := range p.Probe {
		power += float64(real(v))*float64(real(v)) + float64(imag(v))*float64(imag(v))
	}
	for i, v := range p.sum {
		if !p.bad[i] {
			counts += v / float64(max(p.used, 1))
		}
	}
	ratio := power / counts
	if !(counts > 0) || !(ratio > 0) || math.IsInf(ratio, 0) || ratio < powerFactor && ratio > 1/powerFactor {
		return nil
	}
	return []Finding{{
		ID: ProbePower, Severity: Note, Evidence: map[string]float64{"probe": power, "counts": counts},
		What: fmt.Sprintf("the probe has a power of %.3g and the mean pattern %.3g counts: the probe is scaled to the counts", power, counts),
	}}
}

// A turn is one of the eight orientations of a pattern: first rows and columns are exchanged, then flipped.
type turn struct {
	exchange, rows, cols bool
	name                 string
}

var turns = []turn{
	{name: "as it is"}, {rows: true, cols: true, name: "conjugated, or turned by 180°"}, {rows: true, name: "flipped along the rows"}, {cols: true, name: "flipped along the columns"},
	{exchange: true, name: "with rows and columns exchanged"}, {exchange: true, rows: true, name: "turned by 90°"},
	{exchange: true, cols: true, name: "turned by 90° the other way"}, {exchange: true, rows: true, cols: true, name: "mirrored at the other diagonal"},
}

// of returns an image in this orientation about pixel N/2, periodically.
func (t turn) of(image []float64, n int) []float64 {
	out := make([]float64, len(image))
	for i := range image {
		y, x := i/n-n/2, i%n-n/2
		if t.rows {
			y = -y
		}
		if t.cols {
			x = -x
		}
		if t.exchange {
			y, x = x, y
		}
		out[i] = image[(y+n/2+n)%n*n+(x+n/2+n)%n]
	}
	return out
}

// turned compares the mean pattern with the far field of the probe in eight orientations, each at the shift where it correlates best. The
// far field of the conjugate probe is that of the probe turned by 180°. Another orientation is reported if it correlates better by
// seven standard errors of 20 parts of the scan. A symmetric probe has no orientation.
func (p *profile) turned(ctx context.Context) ([]Finding, error) {
	n := p.N
	s := newSpectrum(n)
	if s == nil || p.used < 2*blocks {
		return nil, nil
	}
	mean := append([]float64(nil), p.sum...)
	p.fill(mean)
	field := p.farField(s)
	if field == nil {
		return nil, nil
	}
	data := s.plain(mean)
	templates, best := make([][]float64, len(turns)), 0
	score := make([]float64, len(turns))
	for k, t := range turns {
		turned := t.of(field, n)
		var at int
		at, score[k] = s.match(data, turned)
		templates[k] = rolled(turned, at/n, at%n, n)
		score[k] /= norm(mean) * norm(field)
		if score[k] > score[best] {
			best = k
		}
	}
	if best == 0 || 1-score[best] > turnedBetter*(1-score[0]) || score[best]-score[0] < turnedGain {
		return nil, nil
	}
	var gain []float64
	err := p.some(ctx, func(_ int, counts []float32) {
		sum := 0.0
		for i, k := range counts {
			if !p.bad[i] {
				sum += float64(k) * (templates[best][i] - templates[0][i])
			}
		}
		gain = append(gain, sum)
	})
	t := meanOverError(gain)
	if err != nil || t < surely {
		return nil, err
	}
	return []Finding{{
		ID: TurnedProbe, Severity: Warning, LogChance: decimal(logAlpha), Evidence: map[string]float64{"correlation": score[0], "correlation_turned": score[best], "standard_errors": t},
		What: fmt.Sprintf("the mean pattern fits the far field of the probe %s (correlation %.3f instead of %.3f)", turns[best].name, score[best], score[0]),
		Fix:  "turn the probe that way, or the patterns if they are mirrored, or leave the probe out to have one estimated from the patterns",
	}}, nil
}

// farField returns Σ_modes |F(P)|² less its mean; nil if it is not finite or 0.
func (p *profile) farField(s *spectrum) []float64 {
	size := p.N * p.N
	out := make([]float64, size)
	wave := make([]complex128, size)
	total := 0.0
	for m := 0; m+size <= len(p.Probe); m += size {
		for i, v := range p.Probe[m : m+size] {
			wave[i] = complex128(v)
		}
		s.plan.ForwardCentred(wave, wave, &s.work)
		for i, v := range wave {
			out[i] += square(v)
			total += square(v)
		}
	}
	if !(total > 0) || math.IsInf(total, 0) {
		return nil
	}
	for i := range out {
		out[i] = (out[i] - total/float64(size)) / total
	}
	return out
}

// plain returns the transform of an image without its mean.
func (s *spectrum) plain(image []float64) []complex128 {
	out, mean := make([]complex128, len(image)), 0.0
	for _, v := range image {
		mean += v / float64(len(image))
	}
	for i, v := range image {
		out[i] = complex(v-mean, 0)
	}
	s.plan.Forward(out, out, &s.work)
	return out
}

// match returns the shift of an image that correlates best with data, given by its transform, and Σ data·image there.
func (s *spectrum) match(data []complex128, image []float64) (at int, score float64) {
	of := s.plain(image)
	for i, v := range of {
		of[i] = data[i] * complex(real(v), -imag(v))
	}
	s.plan.Inverse(of, of, &s.work)
	score = math.Inf(-1)
	for i, v := range of {
		y, x := (i/s.n+s.n/2)%s.n-s.n/2, (i%s.n+s.n/2)%s.n-s.n/2
		if max(abs(y), abs(x)) <= s.n/beamReach && real(v) > score {
			at, score = i, real(v)
		}
	}
	return at, score
}

func rolled(image []float64, dy, dx, n int) []float64 {
	out := make([]float64, len(image))
	for i, v := range image {
		out[(i/n+dy)%n*n+(i%n+dx)%n] = v
	}
	return out
}

// norm returns the root of the sum of squares without the mean.
func norm(image []float64) float64 {
	mean, square := 0.0, 0.0
	for _, v := range image {
		mean += v / float64(len(image))
	}
	for _, v := range image {
		square += (v - mean) * (v - mean)
	}
	return max(math.Sqrt(square), math.SmallestNonzeroFloat64)
}

func square(v complex128) float64 { return real(v)*real(v) + imag(v)*imag(v) }
