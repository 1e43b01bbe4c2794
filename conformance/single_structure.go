package conformance

import "github.com/ptychogo/ptycho/core/program"

// sides are the heights and widths of images that move elements: odd, single rows and columns, and not square.
var sides = [][2]int{{1, 1}, {1, 7}, {3, 1}, {3, 7}, {7, 17}, {17, 3}, {33, 9}, {8, 8}, {6, 16}}

var structureExamples = map[program.OpKind]func(small, large *single){
	program.Reshape: func(small, _ *single) {
		group := program.Dim(small.p.Group)
		for _, k := range []program.Kind{program.Real, program.Complex} {
			small.example("%s, planes of each pattern", k)
			small.show(small.reshape(small.each(k, order1Numbers, 2, 3, 7), program.Shape{-group, 6, 7}))
			small.example("%s, one row for each group", k)
			small.show(small.reshape(small.each(k, order1Numbers, 2, 3), program.Shape{-1, group * 6}))
			small.example("%s, the same for all patterns", k)
			small.show(small.reshape(small.param(k, order1Numbers, 3, 8), program.Shape{4, 2, 3}))
		}
	},
	program.Detach: func(small, _ *single) {
		for _, k := range []program.Kind{program.Real, program.Complex} {
			small.example("%s", k)
			small.apply(nil, small.each(k, order1Numbers, 17))
			small.example("%s, the same for all patterns", k)
			small.apply(nil, small.param(k, order1Numbers, 3))
		}
	},
	program.Pad:        borderExamples,
	program.Crop:       borderExamples,
	program.MaskCenter: func(small, _ *single) { imageExamples(small, nil) },
	program.Concat: func(small, _ *single) {
		for _, s := range sides {
			small.example("%d×%d", s[0], s[1])
			small.apply(nil, small.planes(program.Real, order1Numbers, 2, s[0], s[1]), small.planes(program.Real, order1Numbers, 1, s[0], s[1]), small.planes(program.Real, order1Numbers, 3, s[0], s[1]))
		}
		small.example("one operand")
		small.apply(nil, small.planes(program.Real, order1Numbers, 2, 3, 5))
		small.example("twice the same operand")
		x := small.planes(program.Real, order1Numbers, 2, 3, 5)
		small.apply(nil, x, small.planes(program.Real, order1Numbers, 1, 3, 5), x)
	},
	program.SliceChannels: func(small, _ *single) {
		for i, s := range sides {
			from, to := i%4, i%4+1+i%2
			small.example("channels %d to %d of 5, %d×%d", from, to, s[0], s[1])
			small.apply(map[string]float64{"from": float64(from), "to": float64(to)}, small.planes(program.Real, order1Numbers, 5, s[0], s[1]))
		}
		small.example("all channels")
		small.apply(map[string]float64{"to": 3}, small.planes(program.Real, order1Numbers, 3, 3, 5))
		small.example("the last channel")
		small.apply(map[string]float64{"from": 2, "to": 3}, small.planes(program.Real, order1Numbers, 3, 3, 5))
	},
	program.Gather: func(small, large *single) {
		for _, k := range []program.Kind{program.Real, program.Complex} {
			for _, shape := range [][]int{{}, {1}, {3}, {7, 17}, {2, 3, 5}} {
				small.example("%s rows of shape %v", k, shape)
				small.show(small.each(k, order1Numbers, shape...))
			}
			small.example("%s, one row for each group", k)
			small.show(small.op(program.Gather, nil, small.param(k, order1Numbers, program.TableRows, 9), "one"))
			small.example("%s, a table of one row", k)
			small.show(small.op(program.Gather, nil, small.param(k, order1Numbers, 1, 9), "first"))
			large.example("%s, %d rows of %d columns", k, beyondPieces[0], beyondPieces[1])
			large.show(large.each(k, order1Numbers, beyondPieces...))
		}
	},
}

func borderExamples(small, large *single) {
	for i := range 3 {
		imageExamples(small, map[string]float64{"amount": float64(i)})
	}
	amount := 5
	if small.kind == program.Crop {
		amount = 29
	}
	large.example("%d×%d by %d", beyondPieces[0], beyondPieces[1], amount)
	large.apply(map[string]float64{"amount": float64(amount)}, large.each(program.Real, order1Numbers, beyondPieces...))
}

// imageExamples are real and complex images with any number of axes before the last two.
func imageExamples(small *single, attrs map[string]float64) {
	amount := int(attrs["amount"])
	for i, s := range sides {
		if small.kind == program.Crop && min(s[0], s[1]) <= 2*amount {
			continue
		}
		kind := []program.Kind{program.Real, program.Complex}[i%2]
		small.example("%s %d×%d by %d", kind, s[0], s[1], amount)
		if i%3 == 0 {
			small.apply(attrs, small.param(kind, order1Numbers, s[0], s[1]))
		} else {
			small.apply(attrs, small.planes(kind, order1Numbers, 2, s[0], s[1]))
		}
	}
}
