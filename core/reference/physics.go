package reference

import (
	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/core/program"
)

var physicsMeanings = map[program.OpKind]meaning{
	program.FFT2:          transform,
	program.Illuminate:    illuminate,
	program.Intensity:     intensity,
	program.Translate:     translate,
	program.MergeWeight:   mergeWeight,
	program.MergePairwise: mergePairwise,
	program.Assemble:      assemble,
	program.Extract:       extract,
	program.BackProject:   backProject,
	program.Gather:        gather,
}

// images splits an array [.., H, W] into its images, which share its memory.
func images[T float64 | complex128](data []T, shape []int) []physics.Image[T] {
	h, w := shape[len(shape)-2], shape[len(shape)-1]
	out := make([]physics.Image[T], len(data)/(h*w))
	for i := range out {
		out[i] = physics.Image[T]{Rows: h, Cols: w, Data: data[i*h*w : (i+1)*h*w]}
	}
	return out
}

// positions returns the offsets [−1, C, 2] of group b.
func positions(offsets *Value, b int) []physics.Position {
	c := offsets.Shape[1]
	out := make([]physics.Position, c)
	for i := range out {
		out[i] = physics.Position{Y: offsets.Real[(b*c+i)*2], X: offsets.Real[(b*c+i)*2+1]}
	}
	return out
}

func addImages(dst, src []physics.Image[complex128]) {
	for i := range src {
		for k, v := range src[i].Data {
			dst[i].Data[k] += v
		}
	}
}

// repeat returns images for every member of every group; an array without group axes is used for all.
func repeat[T float64 | complex128](all []physics.Image[T], i, n int) []physics.Image[T] {
	out := make([]physics.Image[T], n)
	for j := range out {
		out[j] = all[(i*n+j)%len(all)]
	}
	return out
}

// transform is the Fourier transform over the last two axes. Its inverse equals its adjoint.
var transform = meaning{
	forward: func(op program.Op, in []*Value, out *Value) {
		copy(out.Complex, in[0].Complex)
		fourier(out.Complex, out.Shape, op.Attr("inverse") != 0)
	},
	backward: func(op program.Op, _ []*Value, out, g *Value, din []*Value) {
		back := append([]complex128(nil), g.Complex...)
		fourier(back, out.Shape, op.Attr("inverse") == 0)
		for i, v := range back {
			din[0].Complex[i] += v
		}
	},
}

func fourier(x []complex128, shape []int, inverse bool) {
	for _, m := range images(x, shape) {
		f := physics.NewFourier(m.Rows, m.Cols)
		if inverse {
			f.Inverse(m.Data)
		} else {
			f.Forward(m.Data)
		}
	}
}

// illuminate computes out[b, c, m] = object[b, c]·probe[m], or ·probe[b, c, m].
var illuminate = meaning{
	forward: func(_ program.Op, in []*Value, out *Value) {
		illuminated(in, out, func(o, p, i int) { out.Complex[i] = in[0].Complex[o] * in[1].Complex[p] })
	},
	backward: func(_ program.Op, in []*Value, out, g *Value, din []*Value) {
		illuminated(in, out, func(o, p, i int) {
			din[0].Complex[o] += g.Complex[i] * conj(in[1].Complex[p])
			din[1].Complex[p] += g.Complex[i] * conj(in[0].Complex[o])
		})
	},
}

func illuminated(in []*Value, out *Value, visit func(o, p, i int)) {
	modes, area := out.Shape[2], out.Shape[3]*out.Shape[4]
	for i := range out.Complex {
		visit(i/(modes*area)*area+i%area, i%len(in[1].Complex), i)
	}
}

// intensity computes Σ_modes|·|².
var intensity = meaning{
	forward: func(_ program.Op, in []*Value, out *Value) {
		modes, area := in[0].Shape[2], in[0].Shape[3]*in[0].Shape[4]
		for i, z := range in[0].Complex {
			out.Real[i/(modes*area)*area+i%area] += abs2(z)
		}
	},
	backward: func(_ program.Op, in []*Value, _, g *Value, din []*Value) {
		modes, area := in[0].Shape[2], in[0].Shape[3]*in[0].Shape[4]
		for i, z := range in[0].Complex {
			din[0].Complex[i] += complex(2*g.Real[i/(modes*area)*area+i%area], 0) * z
		}
	},
}

// translate moves each image by sign·offset.
var translate = meaning{
	forward: func(op program.Op, in []*Value, out *Value) {
		if out.Kind == program.Real {
			moved(op, in[1], images(out.Real, out.Shape), images(in[0].Real, out.Shape), physics.Splat[float64])
		} else {
			moved(op, in[1], images(out.Complex, out.Shape), images(in[0].Complex, out.Shape), physics.Splat[complex128])
		}
	},
	backward: func(op program.Op, in []*Value, out, g *Value, din []*Value) {
		if out.Kind == program.Real {
			moved(op, in[1], images(din[0].Real, out.Shape), images(g.Real, out.Shape), physics.Sample[float64])
		} else {
			moved(op, in[1], images(din[0].Complex, out.Shape), images(g.Complex, out.Shape), physics.Sample[complex128])
		}
	},
}

func moved[T float64 | complex128](op program.Op, offsets *Value, dst, src []physics.Image[T], move func(dst, src physics.Image[T], dy, dx float64)) {
	sign := op.Attr("sign")
	for i := range src {
		move(dst[i], src[i], sign*offsets.Real[2*i], sign*offsets.Real[2*i+1])
	}
}

var mergePairwise = meaning{
	forward: func(_ program.Op, in []*Value, out *Value) {
		c := out.Shape[1]
		objects, weights, merged := images(in[0].Complex, out.Shape), images(in[2].Real, in[2].Shape), images(out.Complex, out.Shape)
		for b := range out.Shape[0] {
			addImages(merged[b*c:], physics.MergePairwise(objects[b*c:(b+1)*c], repeat(weights, b, c), positions(in[1], b)))
		}
	},
	backward: func(_ program.Op, in []*Value, out, g *Value, din []*Value) {
		c := out.Shape[1]
		grads, weights, back := images(g.Complex, out.Shape), images(in[2].Real, in[2].Shape), images(din[0].Complex, out.Shape)
		for b := range out.Shape[0] {
			addImages(back[b*c:], physics.MergePairwiseAdjoint(grads[b*c:(b+1)*c], repeat(weights, b, c), positions(in[1], b)))
		}
	},
}

var assemble = meaning{
	forward: func(op program.Op, in []*Value, out *Value) {
		c := in[0].Shape[1]
		objects, weights, canvas := images(in[0].Complex, in[0].Shape), images(in[2].Real, in[2].Shape), images(out.Complex, out.Shape)
		for b := range canvas {
			m := physics.Assemble(objects[b*c:(b+1)*c], repeat(weights, b, c), positions(in[1], b), int(op.Attr("canvas")))
			copy(canvas[b].Data, m.Data)
		}
	},
	backward: func(_ program.Op, in []*Value, out, g *Value, din []*Value) {
		c := in[0].Shape[1]
		grads, weights, back := images(g.Complex, out.Shape), images(in[2].Real, in[2].Shape), images(din[0].Complex, in[0].Shape)
		for b := range grads {
			addImages(back[b*c:], physics.AssembleAdjoint(grads[b], repeat(weights, b, c), positions(in[1], b)))
		}
	},
}

var extract = meaning{
	forward: func(op program.Op, in []*Value, out *Value) {
		c := out.Shape[1]
		canvas, patches := images(in[0].Complex, in[0].Shape), images(out.Complex, out.Shape)
		for i := range patches {
			copy(patches[i].Data, physics.Extract(canvas[i/c], positions(in[1], i/c)[i%c], int(op.Attr("n"))).Data)
		}
	},
	backward: func(_ program.Op, in []*Value, out, g *Value, din []*Value) {
		c := out.Shape[1]
		canvas, patches := images(din[0].Complex, in[0].Shape), images(g.Complex, out.Shape)
		for i := range patches {
			physics.ExtractAdjoint(canvas[i/c], patches[i], positions(in[1], i/c)[i%c])
		}
	},
}

// mergeWeight and backProject have no gradient.
var (
	mergeWeight = meaning{forward: func(op program.Op, in []*Value, out *Value) {
		area := out.Shape[len(out.Shape)-1] * out.Shape[len(out.Shape)-2]
		each := len(in[0].Complex) / (len(out.Real) / area)
		for i := range len(out.Real) / area {
			copy(out.Real[i*area:], physics.MergeWeight(in[0].Complex[i*each:(i+1)*each], area, op.Attr("floor")))
		}
	}}
	backProject = meaning{forward: func(op program.Op, in []*Value, out *Value) {
		area := out.Shape[2] * out.Shape[3]
		modes := in[1].Shape[len(in[1].Shape)-3] * area
		for i := range len(out.Complex) / area {
			first := in[1].Complex[i*modes%len(in[1].Complex):][:area]
			physics.NewBackProjector(first, out.Shape[3], op.Attr("epsilon")).Project(out.Complex[i*area:(i+1)*area], in[0].Real[i*area:(i+1)*area])
		}
	}}
)
