package examine

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// draws is the number of sets of gains that are drawn, rare the least number of them whose power falls more; fewestCompared is the least number of shifts of which near and far ones are compared.
const draws, rare, fewestCompared = 40, 3, 6

// Where the given probe is not the right one, the nearer half of m shifts has at most 1 + steep/√m times the power of the farther one, and
// pixels are tested at a fewOfPixels-th of all shifts at least.
const steep, fewOfPixels = 8, 16

// shifts are those of an area of the transform.
type shifts struct {
	name          string
	line          func(i int) int // number of the gain that a pixel has
	square        float64         // power of gains with a spread of 1
	at            []int           // shifts, near ones first
	common        []float64       // common power of the halves at each
	whole, halves float64         // power of all frames, mean of the halves
}

// areas returns the shifts at which exit waves have no more than most of the power: those that gains of pixels, of rows and of columns fill.
func (s *spectrum) areas(f *halved, even, odd []complex128, content []float64, most float64) [3]shifts {
	n := s.n
	areas := [3]shifts{
		{name: "pixels", square: f.square, line: func(i int) int { return i }},
		{name: "rows", square: f.rows, line: func(i int) int { return i / n }},
		{name: "columns", square: f.cols, line: func(i int) int { return i % n }},
	}
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
		area.at = append(area.at, i)
	}
	for k := range areas {
		area := &areas[k]
		slices.SortFunc(area.at, func(i, j int) int { return cmp.Or(cmp.Compare(s.far[i], s.far[j]), cmp.Compare(i, j)) })
		for _, i := range area.at {
			a, b, pixels := even[i], odd[i], float64(len(content))
			area.common = append(area.common, (real(a)*real(b)+imag(a)*imag(b))*pixels)
			area.whole += square(a+b) * pixels
			area.halves += (square(a) + square(b)) / 2 * pixels
		}
	}
	return areas
}

// mean returns the mean power of all frames.
func (a *shifts) mean() float64 { return a.whole / max(float64(len(a.at)), 1) }

// gain returns the spread of the gains, and the chance of their power with photon noise alone.
func (a *shifts) gain(noise float64) (gain, logChance float64, is bool) {
	m := float64(len(a.at))
	if m < fewestShifts || noise <= 0 || a.square <= 0 {
		return 0, 0, false
	}
	common, ratio := sum(a.common), a.whole/m/noise
	if common < coherent*a.halves || ratio <= 1 {
		return 0, 0, false
	}
	return math.Sqrt(common / m / a.square), math.Log(m) - m*(ratio-1-math.Log(ratio)), true
}

// steepness returns the power of the nearer half of some shifts over that of the farther one.
func steepness(power []float64) float64 {
	near, far := sum(power[:len(power)/2]), sum(power[len(power)/2:])
	if far <= 0 {
		return math.Inf(1)
	}
	return near / far
}

// level reports whether the power falls no more towards far shifts than that of gains, which is the same everywhere but for chance. How much chance
// does depends on the number of bright pixels: gains are drawn for them. A probe's tails, or one that is larger than the given one, fall.
// Where the given probe is not trusted less is allowed.
func (s *spectrum) level(f *halved, a *shifts, trusted bool) bool {
	if len(a.at) < fewestCompared {
		return true
	}
	m, measured, above := float64(len(a.at)), steepness(a.common), 0
	if !trusted {
		return measured <= 1+steep/math.Sqrt(m) && (a.name != "pixels" || m*fewOfPixels >= float64(len(f.image)))
	}
	rng := rand.New(rand.NewPCG(1, uint64(s.n))) //nolint:gosec // the same gains in every run
	gains, wave, power := make([]float64, len(f.image)), make([]complex128, len(f.image)), make([]float64, len(a.at))
	for range draws {
		for i := range gains {
			gains[i] = rng.NormFloat64()
		}
		for i, v := range f.image {
			wave[i] = complex(v*gains[a.line(i)], 0)
		}
		s.plan.InverseCentred(wave, wave, &s.work)
		for k, i := range a.at {
			power[k] = square(wave[i])
		}
		if steepness(power) >= measured {
			above++
		}
	}
	return above >= rare
}
