package conformance

import (
	"math/rand/v2"

	"github.com/ptychogo/ptycho/core/program"
)

var physicsExamples = map[program.OpKind]func(small, large *single){
	program.FFT2: func(small, large *single) {
		for i, s := range append(sides, [2]int{5, 11}, [2]int{13, 4}, [2]int{16, 64}, [2]int{37, 2}) {
			small.example("%d×%d, inverse %d", s[0], s[1], i%2)
			small.apply(map[string]float64{"inverse": float64(i % 2)}, small.each(program.Complex, order1Numbers, s[0], s[1]))
		}
		for i, s := range [][2]int{{64, 64}, {128, 128}, {96, 33}, {31, 62}} {
			large.example("%d×%d, inverse %d", s[0], s[1], i%2)
			large.apply(map[string]float64{"inverse": float64(i % 2)}, large.each(program.Complex, order1Numbers, s[0], s[1]))
		}
	},
	program.Illuminate: func(small, large *single) {
		for i, s := range sides {
			modes := 1 + i%3
			small.example("%d modes shared by all patterns, %d×%d", modes, s[0], s[1])
			small.apply(nil, small.each(program.Complex, order1Numbers, s[0], s[1]), small.param(program.Complex, order1Numbers, modes, s[0], s[1]))
			small.example("%d modes for each pattern, %d×%d", modes, s[0], s[1])
			small.apply(nil, small.each(program.Complex, order1Numbers, s[0], s[1]), small.each(program.Complex, order1Numbers, modes, s[0], s[1]))
		}
		large.example("2 modes, 64×65")
		large.apply(nil, large.each(program.Complex, order1Numbers, 64, 65), large.param(program.Complex, order1Numbers, 2, 64, 65))
	},
	program.Intensity: func(small, large *single) {
		for i, s := range sides {
			small.example("%d modes, %d×%d", 1+i%4, s[0], s[1])
			small.apply(nil, small.each(program.Complex, order1Numbers, 1+i%4, s[0], s[1]))
		}
		small.example("large and small amplitudes")
		small.apply(nil, small.each(program.Complex, cycle(1e3, -0.1, 0, 300, 2e-3), 2, 3, 7))
		large.example("3 modes, 64×65")
		large.apply(nil, large.each(program.Complex, order1Numbers, 3, 64, 65))
	},
	program.Translate:     translateExamples,
	program.MergeWeight:   mergeWeightExamples,
	program.MergePairwise: mergeExamples,
	program.Assemble:      assembleExamples,
	program.Extract:       extractExamples,
	program.BackProject:   backProjectExamples,
}

// shift is a range of offsets.
type shift struct {
	name   string
	pixels draw
}

// shifts are exact in float32, and so are their differences: eighths and sixty-fourths of a pixel, different in rows and columns.
var shifts = []shift{
	{"whole pixels", cycle(1, 0, -2, 3, 0, -1)},
	{"fractions", func(rng *rand.Rand, i int) float64 {
		return float64(rng.IntN(5)-2) + []float64{0.125, 0.703125}[i%2]
	}},
	{"small", cycle(0.015625, -0.046875, -0.984375, 0.5, 0, 0)},
	{"beyond the image", cycle(60.25, 0, -60.5, -59.75, 0.5, 59.984375, 2.5, -60)},
	{"of one member", cycle(0, 0, 0, 0, 6.25, -3.5)},
}

// offsets is an operand [−1, C, 2]. The first one of a program comes as the offsets of the batch.
func (s *single) offsets(d draw) string {
	if _, ok := s.types[program.Offsets]; !ok {
		return s.input(program.Offsets, program.Real, d, program.PerGroup(1), program.Dim(s.p.Group), 2)
	}
	return s.data(program.Real, d, program.PerGroup(1), program.Dim(s.p.Group), 2)
}

func translateExamples(small, large *single) {
	for i, o := range shifts {
		for j, kind := range []program.Kind{program.Real, program.Complex} {
			s := sides[(3*i+4*j+3)%len(sides)]
			sign := []float64{1, -1, 0}[(2*i+j)%3]
			small.example("%s %d×%d by %s, sign %v", kind, s[0], s[1], o.name, sign)
			small.apply(map[string]float64{"sign": sign}, small.each(kind, order1Numbers, s[0], s[1]), small.offsets(o.pixels))
		}
		large.example("64×65 by %s", o.name)
		large.apply(nil, large.each(program.Complex, order1Numbers, 64, 65), large.offsets(o.pixels))
	}
}

func mergeWeightExamples(small, large *single) {
	group := program.Dim(small.p.Group)
	for i, s := range sides {
		modes, floor := 1+i%3, map[string]float64{"floor": []float64{0, 1, 0.25, 1e-3}[i%4]}
		small.example("%d modes shared by all patterns, %d×%d, %v", modes, s[0], s[1], floor)
		small.apply(floor, small.param(program.Complex, order1Numbers, modes, s[0], s[1]))
		small.example("%d modes for each pattern, %d×%d, %v", modes, s[0], s[1], floor)
		small.apply(floor, small.data(program.Complex, order1Numbers, -1, group, program.Dim(modes), program.Dim(s[0]), program.Dim(s[1])))
	}
	small.example("a probe of zeros")
	small.apply(nil, small.data(program.Complex, cycle(0), 2, 3, 7))
	large.example("2 modes, 64×65")
	large.apply(nil, large.data(program.Complex, decades(1e-3, 1e3, true), 2, 64, 65))
}

// weights is an operand of positive numbers, shared by all patterns or not, with some zeros.
func (s *single) weights(shared bool, height, width int) string {
	d := func(rng *rand.Rand, i int) float64 { return max(0, 1.2*rng.Float64()-0.2*float64(i%2)) }
	if shared {
		return s.data(program.Real, d, program.Dim(height), program.Dim(width))
	}
	return s.data(program.Real, d, -1, program.Dim(s.p.Group), program.Dim(height), program.Dim(width))
}

func mergeExamples(small, large *single) {
	for i, o := range shifts {
		for j := range 2 {
			s := sides[(2*i+3*j+3)%len(sides)]
			small.example("%d×%d by %s, weights shared %v", s[0], s[1], o.name, j == 0)
			small.apply(nil, small.each(program.Complex, order1Numbers, s[0], s[1]), small.offsets(o.pixels), small.weights(j == 0, s[0], s[1]))
		}
	}
	large.example("one member, 64×64")
	large.apply(nil, large.each(program.Complex, order1Numbers, 64, 64), large.offsets(shifts[1].pixels), large.weights(true, 64, 64))
}

func assembleExamples(small, large *single) {
	for i, o := range shifts {
		for j := range 2 {
			s := [][2]int{{3, 7}, {7, 7}, {8, 8}, {1, 3}, {9, 5}}[(i+2*j)%5]
			canvas := map[string]float64{"canvas": float64([]int{10, 16, 22}[(i+j)%3])}
			small.example("%d×%d on %v by %s, weights shared %v", s[0], s[1], canvas, o.name, j == 0)
			small.apply(canvas, small.each(program.Complex, order1Numbers, s[0], s[1]), small.offsets(o.pixels), small.weights(j == 0, s[0], s[1]))
		}
	}
	large.example("64×64 on a canvas of 80")
	large.apply(map[string]float64{"canvas": 80}, large.each(program.Complex, order1Numbers, 64, 64), large.offsets(shifts[1].pixels), large.weights(true, 64, 64))
	large.example("a canvas of the patch's size")
	large.apply(map[string]float64{"canvas": 16}, large.each(program.Complex, order1Numbers, 16, 16), large.offsets(shifts[1].pixels), large.weights(true, 16, 16))
}

func extractExamples(small, large *single) {
	for i, o := range shifts {
		for j := range 2 {
			n := []int{3, 8, 7, 2, 5}[(i+2*j)%5]
			side := [][2]int{{10, 10}, {9, 13}, {16, 9}}[(i+j)%3]
			small.example("%d pixels of %d×%d by %s", n, side[0], side[1], o.name)
			small.apply(map[string]float64{"n": float64(n)}, small.canvas(program.Complex, order1Numbers, side[0], side[1]), small.offsets(o.pixels))
		}
	}
	large.example("64 pixels of 80×80")
	large.apply(map[string]float64{"n": 64}, large.canvas(program.Complex, order1Numbers, 80, 80), large.offsets(shifts[1].pixels))
	large.example("the whole canvas")
	large.apply(map[string]float64{"n": 16}, large.canvas(program.Complex, order1Numbers, 16, 16), large.offsets(shifts[1].pixels))
}

func backProjectExamples(small, large *single) {
	group := program.Dim(small.p.Group)
	for i, n := range []program.Dim{1, 3, 7, 8, 16, 17} {
		modes, epsilon := program.Dim(1+i%3), map[string]float64{"epsilon": []float64{0.02, 1, 1e-3}[i%3]}
		small.example("%d modes shared by all patterns, %d×%d, %v", modes, n, n, epsilon)
		small.apply(epsilon, small.data(program.Real, decades(1, 1e6, false), -1, group, n, n), small.data(program.Complex, order1Numbers, modes, n, n))
		small.example("%d modes for each pattern, %d×%d, %v", modes, n, n, epsilon)
		small.apply(epsilon, small.data(program.Real, cycle(0, 3, 0, 1, 12, 0.25, 7), -1, group, n, n), small.data(program.Complex, order1Numbers, -1, group, modes, n, n))
	}
	large.example("64×64")
	large.apply(nil, large.data(program.Real, decades(1e-2, 1e4, false), -1, 1, 64, 64), large.data(program.Complex, order1Numbers, 1, 64, 64))
}
