package reference

import "github.com/ptychogo/ptycho/core/program"

var structureMeanings = map[program.OpKind]meaning{
	program.Reshape:       identity,
	program.Concat:        concat,
	program.SliceChannels: sliceChannels,
	program.Pad:           pad,
	program.Crop:          crop,
	program.MaskCenter:    maskCenter,
	program.Detach:        identity,
}

// copying returns an operation that moves elements: at(i) is the input element that output element i reads, −1 for zero.
func copying(at func(op program.Op, in, out *Value) func(i int) int) meaning {
	return meaning{
		forward: func(op program.Op, in []*Value, out *Value) {
			from := at(op, in[0], out)
			for i := range program.Count(out.Shape) {
				j := from(i)
				if j < 0 {
					continue
				}
				if out.Kind == program.Real {
					out.Real[i] = in[0].Real[j]
				} else {
					out.Complex[i] = in[0].Complex[j]
				}
			}
		},
		backward: func(op program.Op, in []*Value, out, g *Value, din []*Value) {
			from := at(op, in[0], out)
			for i := range program.Count(out.Shape) {
				j := from(i)
				if j < 0 {
					continue
				}
				if out.Kind == program.Real {
					din[0].Real[j] += g.Real[i]
				} else {
					din[0].Complex[j] += g.Complex[i]
				}
			}
		},
	}
}

// plane splits the index of an element of images [.., H, W] into image, row and column.
func plane(i int, shape []int) (image, row, col int) {
	h, w := shape[len(shape)-2], shape[len(shape)-1]
	return i / (h * w), i / w % h, i % w
}

// element returns the index of a row and column of an image, −1 outside.
func element(image, row, col int, shape []int) int {
	h, w := shape[len(shape)-2], shape[len(shape)-1]
	if row < 0 || row >= h || col < 0 || col >= w {
		return -1
	}
	return (image*h+row)*w + col
}

func bordered(sign int) meaning {
	return copying(func(op program.Op, in, out *Value) func(int) int {
		amount := sign * int(op.Attr("amount"))
		return func(i int) int {
			image, row, col := plane(i, out.Shape)
			return element(image, row-amount, col-amount, in.Shape)
		}
	})
}

var (
	identity = copying(func(program.Op, *Value, *Value) func(int) int { return func(i int) int { return i } })
	pad      = bordered(1)
	crop     = bordered(-1)

	maskCenter = copying(func(_ program.Op, in, _ *Value) func(int) int {
		h, w := in.Shape[len(in.Shape)-2], in.Shape[len(in.Shape)-1]
		return func(i int) int {
			_, row, col := plane(i, in.Shape)
			if row >= h/4 && row < h/4+h/2 && col >= w/4 && col < w/4+w/2 {
				return -1
			}
			return i
		}
	})

	sliceChannels = copying(func(op program.Op, in, out *Value) func(int) int {
		area := in.Shape[2] * in.Shape[3]
		return func(i int) int {
			sample, rest := i/(out.Shape[1]*area), i%(out.Shape[1]*area)
			return sample*in.Shape[1]*area + int(op.Attr("from"))*area + rest
		}
	})

	upsample2 = copying(func(_ program.Op, in, out *Value) func(int) int {
		return func(i int) int {
			image, row, col := plane(i, out.Shape)
			return element(image, row/2, col/2, in.Shape)
		}
	})

	concat = meaning{
		forward: func(_ program.Op, in []*Value, out *Value) {
			concatenated(in, out, func(j, k, i int) { out.Real[i] = in[j].Real[k] })
		},
		backward: func(_ program.Op, in []*Value, out, g *Value, din []*Value) {
			concatenated(in, out, func(j, k, i int) { din[j].Real[k] += g.Real[i] })
		},
	}

	// gather reads rows of a table [t, ...] by an index [−1, C]. Forward has checked the index.
	gather = meaning{
		forward: func(_ program.Op, in []*Value, out *Value) {
			gathered(in, func(row, i int) {
				if out.Kind == program.Real {
					out.Real[i] = in[0].Real[row]
				} else {
					out.Complex[i] = in[0].Complex[row]
				}
			})
		},
		backward: func(_ program.Op, in []*Value, out, g *Value, din []*Value) {
			gathered(in, func(row, i int) {
				if out.Kind == program.Real {
					din[0].Real[row] += g.Real[i]
				} else {
					din[0].Complex[row] += g.Complex[i]
				}
			})
		},
	}
)

// concatenated visits element k of input j with its position i in the output.
func concatenated(in []*Value, out *Value, visit func(j, k, i int)) {
	area := out.Shape[2] * out.Shape[3]
	for sample := range out.Shape[0] {
		at := sample * out.Shape[1] * area
		for j, v := range in {
			n := v.Shape[1] * area
			for k := range n {
				visit(j, sample*n+k, at+k)
			}
			at += n
		}
	}
}

func gathered(in []*Value, visit func(row, i int)) {
	size := program.Count(in[0].Shape[1:])
	for i, row := range in[1].Index {
		for k := range size {
			visit(int(row)*size+k, i*size+k)
		}
	}
}
