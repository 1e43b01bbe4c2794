package conformance

import "github.com/ptychogo/ptycho/core/program"

var networkExamples = map[program.OpKind]func(small, large *single){
	program.Conv2D: convolutionExamples,
	program.MaxPool2: func(small, large *single) {
		pooled(small, large)
		small.example("ties of two, three and four")
		small.apply(nil, small.planes(program.Real, cycle(1, 1, -2, 0, 0, 0, 0, 3, 3, 2, 3, 3, 5, 5, -1, -1), 1, 4, 8))
		small.example("negative numbers")
		small.apply(nil, small.planes(program.Real, within(-9, -1), 2, 2, 6))
	},
	program.AvgPool2: pooled,
	program.Upsample2: func(small, large *single) {
		for _, s := range sides {
			small.example("%d×%d", s[0], s[1])
			small.apply(nil, small.planes(program.Real, order1Numbers, 2, s[0], s[1]))
		}
		large.example("65×131")
		large.apply(nil, large.planes(program.Real, order1Numbers, 2, 65, 131))
	},
	program.GlobalMean: meanExamples,
	program.MeanPixels: meanExamples,
	program.ScalePlanes: func(small, large *single) {
		for _, s := range sides {
			small.example("%d×%d", s[0], s[1])
			small.apply(nil, small.planes(program.Real, order1Numbers, 4, s[0], s[1]), small.planes(program.Real, decades(0.5, 2, true), 4))
		}
		large.example("64×65")
		large.apply(nil, large.planes(program.Real, order1Numbers, 5, 64, 65), large.planes(program.Real, decades(0.5, 2, true), 5))
	},
	program.Dense: func(small, large *single) {
		for _, n := range [][2]int{{1, 1}, {1, 7}, {3, 1}, {7, 3}, {17, 8}, {33, 17}, {16, 16}} {
			small.example("%d features to %d", n[0], n[1])
			small.apply(nil, small.planes(program.Real, order1Numbers, n[0]), small.param(program.Real, order1Numbers, n[1], n[0]), small.param(program.Real, order1Numbers, n[1]))
		}
		large.example("4099 features to 5")
		large.apply(nil, large.planes(program.Real, order1Numbers, 4099), large.param(program.Real, order1Numbers, 5, 4099), large.param(program.Real, order1Numbers, 5))
	},
}

// pooled has even sides whose halves are odd, single or longer than a vector.
func pooled(small, large *single) {
	for _, s := range [][2]int{{2, 2}, {2, 14}, {6, 2}, {14, 34}, {34, 6}, {16, 32}, {4, 66}} {
		small.example("%d×%d", s[0], s[1])
		small.apply(nil, small.planes(program.Real, order1Numbers, 2, s[0], s[1]))
	}
	large.example("130×258")
	large.apply(nil, large.planes(program.Real, order1Numbers, 1, 130, 258))
}

func meanExamples(small, large *single) {
	for _, s := range sides {
		small.example("%d×%d", s[0], s[1])
		small.apply(nil, small.each(program.Real, within(0.5, 1), s[0], s[1]))
	}
	large.example("%d rows of %d columns", beyondPieces[0], beyondPieces[1])
	large.apply(nil, large.each(program.Real, within(0.5, 1), beyondPieces...))
}

// convolution is a shape of convolutions: channels in and out, the side of the kernel, and the image.
type convolution struct{ in, out, side, height, width int }

// convolutions have channels around the number of outputs of a tile (2, 3, 4 and 8), widths around its columns (24, 48 and 96),
// and images narrower than the kernel.
var convolutions = []convolution{
	{1, 1, 1, 1, 1}, {1, 1, 3, 1, 1}, {2, 3, 3, 1, 7}, {3, 2, 3, 7, 1}, {1, 2, 5, 3, 3}, {2, 1, 7, 3, 2}, {4, 4, 3, 3, 7},
	{5, 9, 1, 7, 17}, {3, 8, 3, 5, 16}, {2, 7, 3, 17, 33}, {1, 5, 5, 9, 23}, {2, 4, 3, 4, 24}, {1, 3, 3, 3, 47}, {2, 2, 3, 2, 49}, {1, 2, 3, 3, 95}, {1, 1, 9, 11, 97},
	{9, 3, 3, 8, 8}, {17, 10, 1, 3, 5},
}

func convolutionExamples(small, large *single) {
	apply := func(s *single, c convolution) string {
		bound := 1 / float64(c.side)
		return s.op(program.Conv2D, nil, s.planes(program.Real, order1Numbers, c.in, c.height, c.width),
			s.param(program.Real, within(-bound, bound), c.out, c.in, c.side, c.side), s.param(program.Real, order1Numbers, c.out))
	}
	for i, c := range convolutions {
		small.example("%d to %d channels, %d×%d kernel, %d×%d", c.in, c.out, c.side, c.side, c.height, c.width)
		y := apply(small, c)
		if i%4 != 3 {
			small.show(y)
			continue
		}
		small.lose(small.op(program.ReLU, nil, y)) // its only reader, which an engine may fuse with it
	}
	small.example("read by a ReLU and by another operation")
	y := apply(small, convolution{2, 3, 3, 5, 6})
	small.lose(small.op(program.ReLU, nil, y))
	small.show(y)
	for _, c := range []convolution{{3, 9, 3, 33, 65}, {8, 2, 3, 64, 64}, {1, 3, 5, 127, 35}, {2, 1, 3, 128, 130}} {
		large.example("%d to %d channels, %d×%d kernel, %d×%d", c.in, c.out, c.side, c.side, c.height, c.width)
		large.show(apply(large, c))
	}
}
