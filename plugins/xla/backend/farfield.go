package backend

import (
	"math"

	G "github.com/gomlx/gomlx/core/graph"

	"github.com/ptychogo/ptycho/core/program"
)

var farFieldRules = map[program.OpKind]rule{
	program.FFT2:        fft2,
	program.Illuminate:  illuminate,
	program.Intensity:   intensity,
	program.MergeWeight: mergeWeight,
	program.BackProject: backProject,
}

// transform computes the orthonormal Fourier transform over the last two axes with the zero frequency at [H/2, W/2] of the
// far field, or its inverse. It transforms one axis at a time: GoMLX's derivative of a transform over two axes is wrong.
func transform(re, im *G.Node, inverse bool) (*G.Node, *G.Node) {
	rank := re.Rank()
	h, w := re.Shape().Dim(rank-2), re.Shape().Dim(rank-1)
	if inverse {
		re, im = roll(roll(re, rank-2, h-h/2), rank-1, w-w/2), roll(roll(im, rank-2, h-h/2), rank-1, w-w/2)
	}
	along := func(z *G.Node) *G.Node { return G.FFT(z) }
	scale := 1 / math.Sqrt(float64(h*w))
	if inverse {
		along = func(z *G.Node) *G.Node { return G.InverseFFT(z) } // InverseFFT divides by the length
		scale = 1 / scale
	}
	z := swap(along(swap(along(G.Complex(re, im)))))
	re, im = G.Real(z), G.Imag(z)
	re, im = G.Mul(re, scalar(re, scale)), G.Mul(im, scalar(im, scale))
	if !inverse {
		re, im = roll(roll(re, rank-2, h/2), rank-1, w/2), roll(roll(im, rank-2, h/2), rank-1, w/2)
	}
	return re, im
}

// swap exchanges the last two axes.
func swap(n *G.Node) *G.Node {
	order := make([]int, n.Rank())
	for i := range order {
		order[i] = i
	}
	order[len(order)-1], order[len(order)-2] = order[len(order)-2], order[len(order)-1]
	return G.TransposeAllAxes(n, order...)
}

// roll moves the element i of an axis to (i + by) modulo its length.
func roll(n *G.Node, axis, by int) *G.Node {
	size := n.Shape().Dim(axis)
	if by%size == 0 {
		return n
	}
	cut := size - by%size
	return G.Concatenate([]*G.Node{G.SliceAxis(n, axis, G.AxisRange(cut, size)), G.SliceAxis(n, axis, G.AxisRange(0, cut))}, axis)
}

func fft2(c call) value {
	var out value
	out.re, out.im = transform(c.in[0].re, c.in[0].im, c.op.Attr("inverse") != 0)
	return out
}

// illuminate returns out[b, c, m] = object[b, c]·probe[m], or ·probe[b, c, m].
func illuminate(c call) value {
	object := func(n *G.Node) *G.Node { return G.Reshape(n, c.out[0], c.out[1], 1, c.out[3], c.out[4]) }
	probe := func(n *G.Node) *G.Node {
		if n.Rank() == 3 {
			return G.Reshape(n, 1, 1, c.out[2], c.out[3], c.out[4])
		}
		return n
	}
	var out value
	out.re, out.im = product(object(c.in[0].re), object(c.in[0].im), probe(c.in[1].re), probe(c.in[1].im))
	return out
}

// intensity returns Σ_modes|·|².
func intensity(c call) value {
	return value{re: G.ReduceSum(abs2(c.in[0].re, c.in[0].im), 2)}
}

// mergeWeight returns Σ_modes|P|²/max + floor.
func mergeWeight(c call) value {
	w := G.ReduceSum(abs2(c.in[0].re, c.in[0].im), c.in[0].re.Rank()-3)
	top := over(w, G.ReduceMax)
	some := G.GreaterThan(top, scalar(top, 0))
	w = G.Div(w, G.Where(some, top, G.OnesLike(top)))
	return value{re: G.Add(w, scalar(w, c.op.Attr("floor")))}
}

// over reduces the last two axes and keeps them with extent 1.
func over(n *G.Node, reduce func(*G.Node, ...int) *G.Node) *G.Node {
	r := n.Rank()
	return ones(reduce(n, r-2, r-1), 2)
}

// backProject returns F⁻¹(√k·F0/|F0|)·P*/(|P|²+ε·max|P|²), with the first mode of the probe and F0 = F(P). The phase of F0
// is computed in float64, because it is ill-conditioned where |F0| is small.
func backProject(c call) value {
	counts := c.in[0].rows()
	first := func(n *G.Node) *G.Node {
		n = G.ConvertDType(n, c.wide)
		axis := n.Rank() - 3
		n = G.SliceAxis(n, axis, G.AxisElem(0))
		if axis == 0 {
			return n // [1, H, W]
		}
		return G.Reshape(n, c.out...)
	}
	re, im := first(c.in[1].re), first(c.in[1].im)

	power := abs2(re, im)
	d := G.Add(power, G.Mul(over(power, G.ReduceMax), scalar(power, c.op.Attr("epsilon"))))
	some := G.GreaterThan(d, scalar(d, 0))
	inverse := G.Where(some, G.Reciprocal(G.Where(some, d, G.OnesLike(d))), G.ZerosLike(d))

	fr, fi := transform(re, im, false)
	size := G.Sqrt(abs2(fr, fi))
	some = G.GreaterThan(size, scalar(size, 0))
	size = G.Where(some, size, G.OnesLike(size))
	spread := func(n *G.Node) *G.Node {
		return G.ExpandLeftToRank(G.ConvertDType(n, counts.DType()), 4)
	}
	phaseRe, phaseIm := spread(G.Where(some, G.Div(fr, size), G.OnesLike(fr))), spread(G.Where(some, G.Div(fi, size), G.ZerosLike(fi)))

	amplitude := G.Sqrt(counts)
	br, bi := transform(G.Mul(amplitude, phaseRe), G.Mul(amplitude, phaseIm), true)
	var out value
	out.re, out.im = product(br, bi, spread(G.Mul(re, inverse)), spread(G.Neg(G.Mul(im, inverse))))
	return out
}
