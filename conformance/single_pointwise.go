package conformance

import (
	"math"

	"github.com/ptychogo/ptycho/core/program"
)

// lengths surround the lengths of vectors and their unrolled loops.
var lengths = []int{1, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65}

// beyondPieces is the shape of one pattern with more numbers than an engine gives to one worker at a time, and no power of two.
var beyondPieces = []int{61, 131}

// span is a range of numbers with its name.
type span struct {
	name    string
	numbers draw
}

// spans are the numbers that matter for each operation on one real value: order one, where it is nearly 0, where it saturates,
// and its kink.
var spans = map[program.OpKind][]span{
	program.ReLU:      {{"kink at 0", cycle(0, 1.5, -2, 0, 1e-30, -1e-30, 3)}, {"large", decades(1e3, 1e30, true)}, {"small", decades(1e-30, 1e-20, true)}},
	program.LeakyReLU: {{"kink at 0", cycle(0, 1.5, -2, 0, 1e-30, -1e-30, 3)}, {"large", decades(1e3, 1e6, true)}, {"below 0", within(-2, -1)}},
	program.Sigmoid:   {{"saturated", within(-80, 80)}, {"far below 0", within(-20, -12)}, {"huge", cycle(-1000, 1000, 0.5, -0.25)}},
	program.Tanh:      {{"saturated", within(-30, 30)}, {"near 0", decades(1e-6, 1e-3, true)}, {"huge", cycle(-1000, 1000, 0.5, -0.25)}},
	program.SiLU:      {{"saturated", within(-40, 40)}, {"far below 0", within(-20, -12)}, {"near 0", decades(1e-6, 1e-3, true)}, {"huge", cycle(-1000, 1000, 0.5)}},
	program.Softplus:  {{"saturated", within(-40, 40)}, {"far below 0", within(-20, -12)}, {"huge", cycle(-1000, 1000, 0.5)}},
	program.Exp:       {{"large", within(10, 40)}, {"small", within(-40, -10)}, {"near 0", decades(1e-6, 1e-3, true)}},
	program.Log1p:     {{"counts", decades(1, 1e6, false)}, {"near 0", decades(1e-7, 1e-4, false)}, {"near -1", within(-0.99, -0.5)}, {"0", cycle(0, 3, 0, 1)}},
	program.Sqrt:      {{"counts", decades(1, 1e6, false)}, {"near 0", decades(1e-9, 1e-4, false)}, {"kink at 0", cycle(0, 4, 2, 0, 9)}},
	program.Square:    {{"large", decades(1e3, 1e6, true)}, {"small", decades(1e-6, 1e-3, true)}},
	program.Affine:    {{"large", decades(1e3, 1e6, true)}},
}

var pointwiseExamples = map[program.OpKind]func(small, large *single){
	program.Add: binaryExamples, program.Sub: binaryExamples, program.Mul: binaryExamples, program.Div: binaryExamples,
	program.MakeComplex: pairExamples, program.Polar: pairExamples,
	program.RealPart: complexExamples, program.ImagPart: complexExamples, program.Abs2: complexExamples, program.Conj: complexExamples,
	program.ReLU: unaryExamples, program.LeakyReLU: unaryExamples, program.Sigmoid: unaryExamples, program.Tanh: unaryExamples,
	program.SiLU: unaryExamples, program.Softplus: unaryExamples, program.Exp: unaryExamples, program.Log1p: unaryExamples,
	program.Sqrt: unaryExamples, program.Square: unaryExamples, program.Affine: unaryExamples,
}

// ordinary are numbers of order one in the domain of an operation, away from its kink.
func ordinary(k program.OpKind) draw {
	if k == program.Log1p || k == program.Sqrt {
		return within(0.2, 2)
	}
	return decades(0.1, 2, true)
}

func unaryExamples(small, large *single) {
	k := small.kind
	for _, n := range lengths {
		small.example("%d columns", n)
		small.apply(attributesOf(k, n), small.each(program.Real, ordinary(k), n))
	}
	for _, s := range spans[k] {
		small.example("%s", s.name)
		small.apply(attributesOf(k, 2), small.param(program.Real, s.numbers, 2, 9))
	}
	small.example("a single number")
	small.apply(nil, small.param(program.Real, ordinary(k)))
	large.example("%d rows of %d columns", beyondPieces[0], beyondPieces[1])
	large.apply(attributesOf(k, 3), large.each(program.Real, ordinary(k), beyondPieces...))
}

// attributesOf takes the attributes of an operation in turn: the defaults, then the limits of their range.
func attributesOf(k program.OpKind, i int) map[string]float64 {
	switch k { //nolint:exhaustive // the others have no attributes
	case program.LeakyReLU:
		return []map[string]float64{nil, {"slope": 0}, {"slope": 1}, {"slope": 0.3}}[i%4]
	case program.Affine:
		return []map[string]float64{nil, {"scale": -2.5, "shift": 0.75}, {"shift": 1e4}, {"scale": 0}, {"scale": 1e5}, {"scale": 1e-5, "shift": -1e-6}}[i%6]
	}
	return nil
}

// binaryExamples repeat the second operand along each number of axes.
func binaryExamples(small, large *single) {
	divisor := decades(0.5, 2, true)
	kinds := [][2]program.Kind{{program.Real, program.Real}}
	if small.kind != program.Div {
		kinds = append(kinds, [2]program.Kind{program.Complex, program.Complex})
	}
	if small.kind == program.Mul {
		kinds = append(kinds, [2]program.Kind{program.Complex, program.Real})
	}
	for _, k := range kinds {
		for i, n := range []int{1, 3, 8, 17, 33} {
			small.example("%s by %s of the same shape, %d columns", k[0], k[1], n)
			small.apply(nil, small.each(k[0], ordinary(small.kind), 2, n), small.each(k[1], divisor, 2, n))
			small.example("%s by %s, %d columns repeated along %d axes", k[0], k[1], n, 1+i%3)
			small.apply(nil, small.each(k[0], ordinary(small.kind), 2, n), small.param(k[1], divisor, [][]int{{n}, {2, n}, {3, 2, n}}[i%3]...))
		}
		small.example("%s by a single %s", k[0], k[1])
		small.apply(nil, small.each(k[0], ordinary(small.kind), 5), small.param(k[1], divisor))
		small.example("%s by a %s, the same for all patterns", k[0], k[1])
		small.apply(nil, small.param(k[0], ordinary(small.kind), 3, 7), small.param(k[1], divisor, 7))
		if k[0] == k[1] && small.kind != program.Div { // the gradient of x/x is 0 except for rounding
			small.example("%s with itself", k[0])
			x := small.each(k[0], divisor, 9)
			small.apply(nil, x, x)
		}
		small.example("%s by %s, large by small", k[0], k[1])
		small.apply(nil, small.each(k[0], decades(1e3, 1e6, true), 9), small.param(k[1], decades(1e-3, 1e-2, true), 9))
		large.example("%s by %s, %d columns repeated", k[0], k[1], beyondPieces[1])
		large.apply(nil, large.each(k[0], ordinary(small.kind), beyondPieces...), large.param(k[1], divisor, beyondPieces[1]))
	}
}

func pairExamples(small, large *single) {
	second := ordinary(small.kind)
	if small.kind == program.Polar {
		second = within(-2*math.Pi, 2*math.Pi)
		small.example("phases of many turns and amplitudes of 0")
		small.apply(nil, small.each(program.Real, cycle(0, 1, -2, 3), 9), small.each(program.Real, within(-40, 40), 9))
	}
	for _, n := range lengths {
		small.example("%d columns", n)
		small.apply(nil, small.each(program.Real, ordinary(small.kind), n), small.each(program.Real, second, n))
	}
	small.example("large and small")
	small.apply(nil, small.param(program.Real, decades(1e3, 1e6, true), 2, 5), small.param(program.Real, decades(1e-3, 1, true), 2, 5))
	large.example("%d rows of %d columns", beyondPieces[0], beyondPieces[1])
	large.apply(nil, large.each(program.Real, ordinary(small.kind), beyondPieces...), large.each(program.Real, second, beyondPieces...))
}

func complexExamples(small, large *single) {
	for _, n := range lengths {
		small.example("%d columns", n)
		small.apply(nil, small.each(program.Complex, ordinary(small.kind), n))
	}
	small.example("zeros, purely real and purely imaginary numbers")
	small.apply(nil, small.each(program.Complex, cycle(0, 0, 1, 0, 0, -2, 3, 0.5), 9))
	small.example("large")
	small.apply(nil, small.param(program.Complex, decades(1e3, 1e6, true), 2, 5))
	small.example("small")
	small.apply(nil, small.param(program.Complex, decades(1e-6, 1e-3, true), 3))
	large.example("%d rows of %d columns", beyondPieces[0], beyondPieces[1])
	large.apply(nil, large.each(program.Complex, ordinary(small.kind), beyondPieces...))
}
