package examine

import (
	"context"
	"fmt"
	"math"
	"slices"
)

const (
	// leastGain is the relative spread of the pixels' gains that is reported.
	leastGain = 0.02
	// contentShare bounds the power of the exit waves at the shifts that are tested, relative to that of leastGain.
	contentShare = 0.1
	// fewestShifts is the least number of shifts that are tested. Stripes have theirs within stripeWidth of an axis, and there striped times
	// the power of the other shifts.
	fewestShifts, stripeWidth, striped = 3, 1, 5
	// Gains are the same in the odd and in the even frames: their transforms correlate by coherent or more.
	coherent = 0.7
	// mostPatched is the largest share of the light that bad pixels may have by their surroundings. Above littlePatched their values are
	// found by patched, in patterns of at most widestPatched pixels.
	mostPatched, littlePatched, widestPatched = 0.7, 1e-3, 256
)

// flat finds gains that differ between pixels or lines, as without a flat field.
//
// The transform of the mean pattern is the mean autocorrelation of the exit waves, which is 0 for shifts farther than the probe is wide.
// There only photon noise is left, whose power is that of all counts, and gains: those of a spread σ add σ²·Σ counts² per pixel. The shifts
// are those for which the autocorrelation of |probe| bounds the exit waves' power by a tenth of a spread of 2 %. The chance is that of
// Poisson noise, whose power at m shifts has a gamma distribution. Noise of another kind has no correlation between odd and even frames.
//
// A probe with long tails, as that of a pupil with a sharp edge, leaves no such shifts. See contents for a probe that is not the right one, patched
// for bad pixels, and level for the difference between gains and the tails of a probe.
func (p *profile) flat(ctx context.Context) ([]Finding, error) {
	s := p.spectrum()
	if s == nil || p.N < 16 || p.used < 2*fewestFrames || len(p.Probe) == 0 || len(p.Probe)%(p.N*p.N) != 0 {
		return nil, nil
	}
	patched := p.filled()
	if patched > mostPatched || patched > littlePatched && p.N > widestPatched {
		return nil, nil
	}
	f, err := p.halves(ctx, s)
	if err != nil {
		return nil, err
	}
	contents, err := p.contents(ctx, s)
	if err != nil {
		return nil, err
	}
	most := math.Sqrt(contentShare*f.square) * leastGain / max(f.sum, 1)
	noise := f.noise * p.noise * float64(max(p.unit, 1))
	for _, content := range contents {
		even, odd := f.even, f.odd
		if patched > littlePatched {
			even, odd = p.patched(s, even, content, most), p.patched(s, odd, content, most)
		}
		if found := s.gains(f, s.areas(f, even, odd, content, most), noise, p.scale == 0 && !p.found[WideProbe]); found != nil {
			return []Finding{*found}, nil
		}
	}
	return nil, nil
}

// gains returns the finding of one of the areas; nil if none has the power of gains.
func (s *spectrum) gains(f *halved, areas [3]shifts, noise float64, trusted bool) *Finding {
	for _, k := range [3]int{1, 2, 0} {
		a := &areas[k]
		gain, chance, is := a.gain(noise)
		if !is || gain < leastGain || chance >= logAlpha || k > 0 && a.mean() < striped*areas[0].mean() || !s.level(f, a, trusted) {
			continue
		}
		return &Finding{
			ID: Flat, Severity: Warning, LogChance: decimal(chance), Evidence: map[string]float64{"spread": gain, "shifts": float64(len(a.at))},
			What: fmt.Sprintf("the %s of the detector differ in their gain by %.0f %% (standard deviation): a flat field is missing", a.name, 100*gain),
			Fix:  "give the detector's flat field with --flat, or divide the patterns by it and round them to counts",
		}
	}
	return nil
}

// A halved has the transforms of the sums of the even and of the odd frames under a window, and sums over pixels.
type halved struct {
	even, odd  []complex128
	image      []float64 // [N·N] w·k of all frames
	sum, noise float64   // Σ w·k, Σ w²·k of all
	square     float64   // Σ w²·k·k of the even and the odd frames
	rows, cols float64   // the same of the sums of lines
}

func (p *profile) halves(ctx context.Context, s *spectrum) (*halved, error) {
	n := p.N
	image, err := p.sumsOfHalves(ctx)
	if err != nil {
		return nil, err
	}
	for h, v := range image {
		frames := float64((p.used + 1 - h) / 2)
		for i := range v {
			v[i] -= p.base * frames
		}
	}
	f := &halved{image: make([]float64, len(p.sum))}
	var lines [2][2][]float64
	var waves [2][]complex128
	for h, v := range image {
		p.fill(v)
		waves[h] = make([]complex128, len(v))
		lines[h] = [2][]float64{make([]float64, n), make([]float64, n)}
		for i := range v {
			w := hann(i/n, n) * hann(i%n, n)
			f.noise += w * w * (v[i] + p.base)
			v[i] *= w
			f.sum += v[i]
			waves[h][i] = complex(v[i], 0)
			if p.bad[i] {
				v[i] = 0 // its gain is not known
			}
			f.image[i] += v[i]
			lines[h][0][i/n] += v[i]
			lines[h][1][i%n] += v[i]
		}
		s.plan.InverseCentred(waves[h], waves[h], &s.work)
	}
	f.even, f.odd = waves[0], waves[1]
	f.square, f.rows, f.cols = product(image[0], image[1]), product(lines[0][0], lines[1][0]), product(lines[0][1], lines[1][1])
	return f, nil
}

// sumsOfHalves returns the sums of the even and of the odd of the few frames that are not left out, with the mean of the pixel in place of cosmic
// rays.
func (p *profile) sumsOfHalves(ctx context.Context) (image [2][]float64, err error) {
	if p.used == p.fewAll && len(p.cosmic) == 0 {
		return [2][]float64{slices.Clone(p.evenOdd[0]), slices.Clone(p.evenOdd[1])}, nil
	}
	for h := range image {
		image[h] = make([]float64, len(p.sum))
	}
	struck := p.struck()
	k := 0
	err = p.some(ctx, func(j int, counts []float32) {
		half := image[k%2]
		k++
		add32(counts, half)
		for _, i := range struck[j] {
			half[i] += p.sum[i]/float64(p.used) + p.base - float64(counts[i])
		}
	})
	return image, err
}

// hann is a window that is 0 at both ends; the transform of a constant under it has three values.
func hann(at, n int) float64 { return 0.5 - 0.5*math.Cos(2*math.Pi*float64(at)/float64(n)) }

func product(a, b []float64) float64 {
	s := 0.0
	for i, v := range a {
		s += v * b[i]
	}
	return s
}

// signed returns a shift.
func (s *spectrum) signed(i int) (y, x int) {
	n := s.n
	return (i/n+n/2)%n - n/2, (i%n+n/2)%n - n/2
}

// amplitudes returns the autocorrelation of the probe's amplitude relative to shift 0, and at each shift the largest of those around,
// which the window mixes.
func (s *spectrum) amplitudes(probe []complex64) []float64 {
	size := s.n * s.n
	all := make([]float64, size)
	for m := 0; m+size <= len(probe); m += size {
		wave := make([]complex128, size)
		for i, v := range probe[m : m+size] {
			wave[i] = complex(math.Hypot(float64(real(v)), float64(imag(v))), 0)
		}
		s.correlate(wave)
		for i, v := range wave {
			all[i] += max(real(v), 0)
		}
	}
	zero, out := max(all[0], math.SmallestNonzeroFloat64), make([]float64, size)
	for i := range out {
		for dy := range 3 {
			for dx := range 3 {
				out[i] = max(out[i], all[(i/s.n+dy+s.n-1)%s.n*s.n+(i+dx+s.n-1)%s.n]/zero)
			}
		}
	}
	return out
}
