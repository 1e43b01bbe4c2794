package conformance

import (
	"math"
	"math/rand/v2"

	"github.com/ptychogo/ptycho/core/program"
)

var lossExamples = map[program.OpKind]func(small, large *single){
	program.PoissonDeviance: lossesExamples, program.PoissonNLL: lossesExamples, program.AmplitudeLoss: lossesExamples,
	program.AmplitudeMAE: lossesExamples, program.ExpectedDeviance: lossesExamples,
}

// rate is a range of λ with the counts to compare it with.
type rate struct {
	name           string
	lambda, counts draw
}

var rates = []rate{
	{"few photons", decades(1e-2, 10, false), cycle(0, 1, 0, 3, 2, 0, 7)},
	{"many photons", decades(1e2, 1e6, false), decades(1e2, 1e6, false)},
	{"small λ", decades(1e-2, 1e-1, false), cycle(0, 0, 1, 0)},
	{"large λ, no photons", decades(1e3, 1e6, false), cycle(0)},
	{"fractions of photons", within(0.2, 5), within(0, 4)},
}

// masks are shared by all patterns or different for each.
var masks = []struct {
	name    string
	numbers draw
}{
	{"all pixels valid", cycle(1)},
	{"some pixels invalid", cycle(1, 1, 0, 1, 0.5, 1, 0)},
	{"a mask for each pattern", func(rng *rand.Rand, _ int) float64 { return []float64{1, 1, 0.25, 0}[rng.IntN(4)] }},
}

// onlyWhere draws the numbers of d, and NaN where the repeated mask is 0.
func onlyWhere(d draw, mask ...float64) draw {
	return func(rng *rand.Rand, i int) float64 {
		x := d(rng, i)
		if mask[i%len(mask)] == 0 {
			return math.NaN()
		}
		return x
	}
}

func lossesExamples(small, large *single) {
	group := program.Dim(small.p.Group)
	apply := func(s *single, lambda, mask string, counts draw, n ...program.Dim) {
		if s.kind == program.ExpectedDeviance {
			s.apply(nil, lambda, mask)
			return
		}
		s.apply(nil, lambda, s.data(program.Real, counts, append([]program.Dim{-1, program.Dim(s.p.Group)}, n...)...), mask)
	}
	for i, r := range rates {
		for j, m := range masks {
			n := sides[(2*i+j+1)%len(sides)]
			h, w := program.Dim(n[0]), program.Dim(n[1])
			if n[0]*n[1] == 1 && j == 2 {
				m.name, m.numbers = "some patterns without a valid pixel", cycle(1, 0, 0.25)
			}
			small.example("%s, %d×%d, %s", r.name, h, w, m.name)
			mask := small.data(program.Real, m.numbers, h, w)
			if j == 2 {
				mask = small.data(program.Real, m.numbers, -1, group, h, w)
			}
			apply(small, small.each(program.Real, r.lambda, n[0], n[1]), mask, r.counts, h, w)
		}
	}
	ones := small.each
	small.example("a pattern without a valid pixel")
	empty := func(_ *rand.Rand, i int) float64 { return []float64{1, 0, 1}[i/21%3] }
	apply(small, ones(program.Real, within(1, 5), 3, 7), small.data(program.Real, empty, -1, group, 3, 7), cycle(1, 4, 0), 3, 7)
	small.example("no valid pixel at all")
	apply(small, ones(program.Real, within(1, 5), 3, 7), small.data(program.Real, cycle(0), 3, 7), cycle(1, 4, 0), 3, 7)
	small.example("one valid pixel, the last")
	last := func(_ *rand.Rand, i int) float64 { return map[bool]float64{true: 1}[i == 20] }
	apply(small, ones(program.Real, within(1, 5), 3, 7), small.data(program.Real, last, 3, 7), cycle(1, 4, 0), 3, 7)
	small.example("λ equal to the counts in some pixels")
	apply(small, ones(program.Real, cycle(4, 9, 1, 4, 2), 3, 5), small.data(program.Real, cycle(1), 3, 5), cycle(4, 3, 1, 9, 2), 3, 5)
	small.example("NaN as λ and counts of invalid pixels")
	hole := []float64{1, 0, 1, 0.5, 1, 1, 0, 1, 1, 0, 1, 1, 0.25, 1, 1, 0, 1, 1, 1, 1, 0}
	apply(small, ones(program.Real, onlyWhere(within(1, 5), hole...), 3, 7), small.data(program.Real, cycle(hole...), 3, 7), onlyWhere(cycle(1, 4, 0), hole...), 3, 7)
	large.example("128×128")
	apply(large, large.each(program.Real, decades(1e-2, 1e4, false), 128, 128), large.data(program.Real, masks[1].numbers, 128, 128), decades(1, 1e4, false), 128, 128)
	large.example("33×17")
	apply(large, large.each(program.Real, decades(1, 1e2, false), 33, 17), large.data(program.Real, masks[2].numbers, -1, 1, 33, 17), decades(1, 1e2, false), 33, 17)
}
