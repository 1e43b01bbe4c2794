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
	fewestShifts, stripeWidth, striped = 3, 1, 10
	// Gains are the same in the odd and in the even frames: their transforms correlate by coherent or more. They have the same power at all
	// shifts: that of the nearer half of m shifts exceeds that of the farther one by at most steep/√m.
	coherent, steep, fewestCompared = 0.7, 8, 12
	// mostPatched is the largest share of the light that bad pixels may have by their surroundings. Above littlePatched their values are
	// found by patches steps, in patterns of at most widestPatched pixels.
	mostPatched, littlePatched, patches, widestPatched = 0.3, 1e-3, 30, 256
)

// flat finds gains that differ between pixels or lines, as without a flat field.
//
// The transform of the mean pattern is the mean autocorrelation of the exit waves, which is 0 for shifts farther than the probe is wide.
// There only photon noise is left, whose power is that of all counts, and gains: those of a spread σ add σ²·Σ counts² per pixel. The shifts
// are those for which the autocorrelation of |probe| bounds the exit waves' power by a tenth of a spread of 2 %. The chance is that of
// Poisson noise, whose power at m shifts has a gamma distribution. Noise of another kind has no correlation between odd and even frames.
//
// A probe with long tails, as that of a pupil with a sharp edge, leaves no such shifts. One that is given too small leaves too many: then
// probe-scale is found too.
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
	content := s.amplitudes(p.Probe)
	most := math.Sqrt(contentShare*f.square) * leastGain / max(f.sum, 1)
	if patched > littlePatched {
		p.patch(s, f.even, content, most)
		p.patch(s, f.odd, content, most)
	}
	areas := [3]shifts{{name: "pixels", square: f.square}, {name: "rows", square: f.rows}, {name: "columns", square: f.cols}}
	for i := range content {
		y, x := s.signed(i)
		if content[i] > most || y < 0 || y == 0 && x <= 0 { // the other half has the same values
			continue
		}
		area := &areas[0]
		if abs(x) <= stripeWidth {
			area = &areas[1]
		} else if abs(y) <= stripeWidth {
			area = &areas[2]
		}
		area.add(s.far[i], f.even[i], f.odd[i], float64(len(content)))
	}
	noise := f.noise * p.noise * float64(max(p.unit, 1))
	for k, a := range areas {
		gain, chance, is := a.gain(noise)
		if !is || gain < leastGain || chance >= logAlpha || k > 0 && a.mean() < striped*areas[0].mean() {
			continue
		}
		return []Finding{{
			ID: Flat, Severity: Warning, LogChance: decimal(chance), Evidence: map[string]float64{"spread": gain, "shifts": float64(len(a.power))},
			What: fmt.Sprintf("the %s of the detector differ in their gain by %.0f %% (standard deviation): a flat field is missing", a.name, 100*gain),
			Fix:  "give the detector's flat field with --flat, or divide the patterns by it and round them to counts",
		}}, nil
	}
	return nil, nil
}

// A halved has the transforms of the sums of the even and of the odd frames under a window, and sums over pixels.
type halved struct {
	even, odd  []complex128
	sum, noise float64 // Σ w·k, Σ w²·k of all
	square     float64 // Σ w²·k·k of the even and the odd frames
	rows, cols float64 // the same of the sums of lines
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
	f := &halved{}
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
	struck := map[int][]int{} // pixels of cosmic rays by frame
	for r := range p.cosmic {
		struck[r[0]] = append(struck[r[0]], r[1])
	}
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

// patch gives bad pixels the values for which a transform has the least power at the shifts that are tested: a step removes that power, and
// puts the known pixels back. What is left is that of the known pixels.
func (p *profile) patch(s *spectrum, t []complex128, content []float64, most float64) {
	image, known := make([]complex128, len(t)), make([]complex128, len(t))
	s.plan.ForwardCentred(known, t, &s.work)
	copy(image, known)
	for range patches {
		s.plan.InverseCentred(t, image, &s.work)
		for i, c := range content {
			if c <= most {
				t[i] = 0
			}
		}
		s.plan.ForwardCentred(image, t, &s.work)
		for i, bad := range p.bad {
			if !bad {
				image[i] = known[i]
			}
		}
	}
	s.plan.InverseCentred(t, image, &s.work)
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

// shifts are those of an area of the transform.
type shifts struct {
	name          string
	square        float64      // power of gains with a spread of 1
	power         [][2]float64 // squared distance, common power of the halves
	whole, halves float64      // power of all frames, mean of the halves
}

func (a *shifts) add(distance float64, even, odd complex128, pixels float64) {
	a.power = append(a.power, [2]float64{distance, (real(even)*real(odd) + imag(even)*imag(odd)) * pixels})
	a.whole += square(even+odd) * pixels
	a.halves += (square(even) + square(odd)) / 2 * pixels
}

// mean returns the mean power of all frames.
func (a *shifts) mean() float64 { return a.whole / max(float64(len(a.power)), 1) }

// gain returns the spread of the gains, and the chance of their power with photon noise alone.
func (a *shifts) gain(noise float64) (gain, logChance float64, is bool) {
	m := float64(len(a.power))
	if m < fewestShifts || noise <= 0 || a.square <= 0 {
		return 0, 0, false
	}
	slices.SortFunc(a.power, func(v, w [2]float64) int {
		switch {
		case v[0] != w[0]:
			return int(v[0] - w[0])
		case v[1] < w[1]:
			return -1
		}
		return 1
	})
	var part [2]float64
	for k, v := range a.power {
		part[2*k/len(a.power)] += v[1]
	}
	common := part[0] + part[1]
	if part[1] <= 0 || m >= fewestCompared && part[0] > (1+steep/math.Sqrt(m))*part[1] || common < coherent*a.halves {
		return 0, 0, false
	}
	ratio := a.whole / m / noise
	if ratio <= 1 {
		return 0, 0, false
	}
	return math.Sqrt(common / m / a.square), math.Log(float64(len(a.power))) - m*(ratio-1-math.Log(ratio)), true
}
