package examine

import (
	"context"
	"fmt"
	"math"
)

const (
	// farReach is the largest autocorrelation of the probe's amplitude, relative to its power, at which a shift counts as beyond it.
	farReach = 1e-3
	// leastGain is the relative spread of the pixels' gains that is reported.
	leastGain = 0.01
	// A white error has the same power in the inner and the outer half of the free shifts, up to this factor.
	white = 2
	// signalRoom is the factor by which the error exceeds the bound of the signal.
	signalRoom = 4
	// A note about the unit of the counts needs a noise this factor away from that of photons.
	noiseFactor = 1.5
	// striped is the factor by which the power along one axis exceeds the rest if the gains are those of rows or columns.
	striped = 4
)

// gains finds a missing flat field: pixels, rows or columns that count more or less than others.
//
// Beyond the probe's diameter the spectrum of the mean pattern is noise, and the gains of the pixels, which are white. Noise differs
// between the first and the second half of the frames, gains do not: without them the sum and the difference of the two halves have the
// same power, and their ratio has the distribution F(2m, 2m) for m shifts, whose logarithm has a variance of 2/m. The finding needs a
// chance below Alpha, a power well above what the probe's own tails can give, and the same power near and far.
func (p *profile) gains(ctx context.Context) ([]Finding, error) {
	if p.Diameter <= 0 || len(p.Probe) == 0 || p.found[Clipped] || p.found[Wrapped] {
		return nil, nil
	}
	s, err := p.spectrum(ctx)
	if err != nil || s == nil {
		return nil, err
	}
	s.beyond(p.Probe, farReach)
	m := len(s.free)
	if m < fewestFree {
		return nil, nil
	}
	var sum, difference, signal float64
	var half [2]float64
	top := square(s.first[0] + s.last[0])
	for k, i := range s.free {
		both, apart := square(s.first[i]+s.last[i]), square(s.first[i]-s.last[i])
		sum, difference, signal = sum+both/float64(m), difference+apart/float64(m), signal+s.bound[k]*top/float64(m)
		half[2*k/m] += (both - apart) / float64(m)
	}
	found := p.noiseFinding(s, difference, signal)
	if difference <= 0 {
		return found, nil
	}
	excess := sum - difference
	z := math.Log(sum/difference) / math.Sqrt(2/float64(m))
	power := 0.0
	for i, v := range s.mean {
		w := s.window(i)
		power += w * w * v * v / float64(len(s.mean))
	}
	spread := math.Sqrt(max(excess, 0) / power)
	switch {
	case z <= 0 || -z*z/2 > logAlpha, spread < leastGain, excess < signalRoom*signal, half[0] > white*half[1], half[1] > white*half[0],
		s.filled > mostFilled*power*float64(len(s.mean)):
		return found, nil
	}
	what, kind := p.stripes(s)
	return append(found, Finding{
		ID: Flat, Severity: Warning, LogChance: decimal(-z * z / 2), Evidence: map[string]float64{"gain_spread": spread, "deviations": z, "kind": kind},
		What: fmt.Sprintf("%s count differently, by %.2g %% (standard deviation): the flat field was not divided out", what, 100*spread),
		Fix:  "divide the patterns by the detector's flat field",
	}), nil
}

func square(v complex128) float64 { return real(v)*real(v) + imag(v)*imag(v) }

// stripes distinguishes gains of rows, of columns and of pixels. Those of columns have no power far along the rows' axis.
func (p *profile) stripes(s *spectrum) (what string, kind float64) {
	var along, count [3]float64 // 0: along rows, that is y small; 1: along columns; 2: others
	near := s.n / 16
	for _, i := range s.free {
		y, x := abs((i/s.n+s.n/2)%s.n-s.n/2), abs((i%s.n+s.n/2)%s.n-s.n/2)
		axis := 2
		switch {
		case y <= near && x > near:
			axis = 0
		case x <= near && y > near:
			axis = 1
		}
		along[axis] += square(s.first[i]+s.last[i]) - square(s.first[i]-s.last[i])
		count[axis]++
	}
	for axis := range along {
		along[axis] /= max(count[axis], 1)
	}
	switch {
	case along[0] > striped*max(along[1], along[2]):
		return "columns", 2
	case along[1] > striped*max(along[0], along[2]):
		return "rows", 1
	}
	return "pixels", 0
}

// noiseFinding compares the noise with that of photons: its power beyond the probe is the sum of all counts if each is a photon. A sum of
// m exponential powers has a relative spread of 1/√m.
func (p *profile) noiseFinding(s *spectrum, difference, signal float64) []Finding {
	m := float64(len(s.free))
	noise := difference / (s.light / float64(s.n*s.n))
	if noise <= 0 || math.IsInf(noise, 0) || difference < signalRoom*signal {
		return nil
	}
	p.noise = max(noise/float64(max(p.unit, 1)), 1)
	z := math.Abs(math.Log(noise)) * math.Sqrt(m)
	if p.unit > 1 || -z*z/2 > logAlpha || noise < noiseFactor && noise > 1/noiseFactor {
		return nil
	}
	return []Finding{{
		ID: Unit, Severity: Note, LogChance: decimal(-z * z / 2), Evidence: map[string]float64{"counts_per_photon": noise},
		What: fmt.Sprintf("the noise of the counts is that of photons which count %.3g each: they are not single photons", noise),
	}}
}
