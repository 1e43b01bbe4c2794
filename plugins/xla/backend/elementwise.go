package backend

import (
	G "github.com/gomlx/gomlx/core/graph"

	"github.com/ptychogo/ptycho/core/program"
)

var elementwiseRules = map[program.OpKind]rule{
	program.ReLU:      pointwise(relu),
	program.LeakyReLU: pointwise(leakyReLU),
	program.Sigmoid:   pointwise(sigmoid),
	program.Tanh:      pointwise(tanh),
	program.SiLU:      pointwise(silu),
	program.Softplus:  pointwise(softplus),
	program.Exp:       pointwise(func(_ call, x *G.Node) *G.Node { return G.Exp(x) }),
	program.Log1p:     pointwise(func(_ call, x *G.Node) *G.Node { return G.Log1p(x) }),
	program.Sqrt:      pointwise(root),
	program.Square:    pointwise(func(_ call, x *G.Node) *G.Node { return G.Square(x) }),
	program.Affine:    pointwise(affine),
	program.Add:       binary(G.Add),
	program.Sub:       binary(G.Sub),
	program.Mul:       mul,
	program.Div:       binary(G.Div),
}

// pointwise returns the rule of a function of each element.
func pointwise(f func(c call, x *G.Node) *G.Node) rule {
	return func(c call) value { return c.in[0].like(f(c, c.in[0].re)) }
}

// relu returns max(x, 0) with the derivative 0 at 0; NaN stays NaN.
func relu(_ call, x *G.Node) *G.Node {
	return G.Where(G.LessOrEqual(x, scalar(x, 0)), G.ZerosLike(x), x)
}

func leakyReLU(c call, x *G.Node) *G.Node {
	return G.Where(G.LessOrEqual(x, scalar(x, 0)), G.Mul(x, scalar(x, c.op.Attr("slope"))), x)
}

// bell returns e^−|x| / (1 + e^−|x|)², the derivative of the sigmoid. Computed from the value as s(1−s) it would lose digits
// where s is near 1.
func bell(x *G.Node) *G.Node {
	t := G.Exp(G.Neg(G.Abs(x)))
	return G.Div(t, G.Square(G.OnePlus(t)))
}

func sigmoid(_ call, x *G.Node) *G.Node { return withDerivative(x, G.Sigmoid(x), bell(x)) }

// tanh has the derivative 4·bell(2x).
func tanh(_ call, x *G.Node) *G.Node {
	return withDerivative(x, G.Tanh(x), G.Mul(bell(G.Add(x, x)), scalar(x, 4)))
}

func silu(_ call, x *G.Node) *G.Node {
	s := G.Sigmoid(x)
	return withDerivative(x, G.Mul(x, s), G.Add(s, G.Mul(x, bell(x))))
}

// softplus returns ln(1+e^x) without overflow.
func softplus(_ call, x *G.Node) *G.Node {
	y := G.Add(G.Max(x, scalar(x, 0)), G.Log1p(G.Exp(G.Neg(G.Abs(x)))))
	return withDerivative(x, y, G.Sigmoid(x))
}

// root returns √x with the derivative 0 at 0.
func root(_ call, x *G.Node) *G.Node {
	y := G.Sqrt(x)
	zero := G.Equal(y, scalar(y, 0))
	return withDerivative(x, y, G.Where(zero, G.ZerosLike(y), G.Div(scalar(y, 0.5), G.Where(zero, G.OnesLike(y), y))))
}

func affine(c call, x *G.Node) *G.Node {
	return G.Add(G.Mul(x, scalar(x, c.op.Attr("scale"))), scalar(x, c.op.Attr("shift")))
}

// second transposes the second operand of a binary operation to the first operand's order of axes, with extents of 1 where
// the operand repeats.
func second(c call, n *G.Node) *G.Node {
	a := c.in[0]
	if n.Rank() == len(a.shape) && !a.last {
		return n
	}
	repeats := n.Rank() < len(a.shape)
	n = G.ExpandLeftToRank(n, len(a.shape))
	if a.last {
		n = G.TransposeAllAxes(n, 0, 2, 3, 1)
	}
	if repeats {
		n = c.spread(n, a.re.Shape().Dimensions...)
	}
	return n
}

// spread repeats a node along axes of extent 1. Its gradient is a sum over these axes, computed in float64.
func (l *lowering) spread(n *G.Node, dims ...int) *G.Node {
	return G.ConvertDType(G.BroadcastToDims(G.ConvertDType(n, l.wide), dims...), l.dtype)
}

// binary returns the rule that combines reals with reals, and complex numbers with complex numbers, part by part.
func binary(f func(a, b *G.Node) *G.Node) rule {
	return func(c call) value {
		a, b := c.in[0], c.in[1]
		if a.last && b.last {
			return a.like(f(a.re, b.re))
		}
		out := a.like(f(a.re, second(c, b.rows())))
		if a.im != nil {
			out.im = f(a.im, second(c, b.im))
		}
		return out
	}
}

func mul(c call) value {
	a, b := c.in[0], c.in[1]
	switch {
	case b.kind == program.Complex:
		re, im := second(c, b.re), second(c, b.im)
		out := value{}
		out.re, out.im = product(a.re, a.im, re, im)
		return out
	case a.kind == program.Complex:
		factor := second(c, b.rows())
		return a.each(func(n *G.Node) *G.Node { return G.Mul(n, factor) })
	}
	return binary(G.Mul)(c)
}

// product returns (ar + i·ai)(br + i·bi).
func product(ar, ai, br, bi *G.Node) (re, im *G.Node) {
	return G.Sub(G.Mul(ar, br), G.Mul(ai, bi)), G.Add(G.Mul(ar, bi), G.Mul(ai, br))
}
