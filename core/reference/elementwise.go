package reference

import (
	"math"

	"github.com/ptychogo/ptycho/core/program"
)

var elementwiseMeanings = map[program.OpKind]meaning{
	program.ReLU:      kinked(relu, atZero),
	program.LeakyReLU: kinked(leakyReLU, atZero),
	program.Sigmoid:   simple(sigmoid, func(_, y float64) float64 { return y * (1 - y) }),
	program.Tanh:      simple(math.Tanh, func(_, y float64) float64 { return 1 - y*y }),
	program.SiLU:      silu,
	program.Softplus:  simple(softplus, func(x, _ float64) float64 { return sigmoid(x) }),
	program.Exp:       simple(math.Exp, func(_, y float64) float64 { return y }),
	program.Log1p:     simple(math.Log1p, func(x, _ float64) float64 { return 1 / (1 + x) }),
	program.Sqrt:      kinked(sqrtOp, func(_ []*Value, out *Value, near func(float64)) { eachReal(out, near) }),
	program.Square:    simple(func(x float64) float64 { return x * x }, func(x, _ float64) float64 { return 2 * x }),
	program.Affine:    affine,
	program.Add:       add,
	program.Sub:       sub,
	program.Mul:       mul,
	program.Div:       div,
}

// atZero is the kink of operations whose slope changes at 0.
func atZero(in []*Value, _ *Value, near func(float64)) { eachReal(in[0], near) }

func eachReal(v *Value, visit func(float64)) {
	for _, x := range v.Real {
		visit(x)
	}
}

// pointwise returns an operation on one real value, with its derivative at x, where its value is y.
func pointwise(f func(op program.Op, x float64) float64, df func(op program.Op, x, y float64) float64) meaning {
	return meaning{
		forward: func(op program.Op, in []*Value, out *Value) {
			for i, x := range in[0].Real {
				out.Real[i] = f(op, x)
			}
		},
		backward: func(op program.Op, in []*Value, out, g *Value, din []*Value) {
			for i, x := range in[0].Real {
				din[0].Real[i] += g.Real[i] * df(op, x, out.Real[i])
			}
		},
	}
}

func simple(f func(x float64) float64, df func(x, y float64) float64) meaning {
	return pointwise(func(_ program.Op, x float64) float64 { return f(x) }, func(_ program.Op, x, y float64) float64 { return df(x, y) })
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// softplus computes ln(1+e^x) without overflow.
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func positive(x float64) float64 {
	if x > 0 {
		return 1
	}
	return 0
}

var (
	relu      = simple(func(x float64) float64 { return max(x, 0) }, func(x, _ float64) float64 { return positive(x) })
	leakyReLU = pointwise(func(op program.Op, x float64) float64 {
		if x > 0 {
			return x
		}
		return op.Attr("slope") * x
	}, func(op program.Op, x, _ float64) float64 {
		if x > 0 {
			return 1
		}
		return op.Attr("slope")
	})
	silu   = simple(func(x float64) float64 { return x * sigmoid(x) }, func(x, y float64) float64 { return sigmoid(x) + y*(1-sigmoid(x)) })
	sqrtOp = simple(math.Sqrt, func(_, y float64) float64 {
		if y == 0 {
			return 0
		}
		return 1 / (2 * y)
	})
	affine = pointwise(func(op program.Op, x float64) float64 { return op.Attr("scale")*x + op.Attr("shift") },
		func(op program.Op, _, _ float64) float64 { return op.Attr("scale") })
)

// Binary operations: the second operand repeats along the leading axes of the first.
var (
	add = meaning{forward: func(_ program.Op, in []*Value, out *Value) { sum(in, out, 1) },
		backward: func(_ program.Op, _ []*Value, _, g *Value, din []*Value) { sumBack(g, din, 1) }}
	sub = meaning{forward: func(_ program.Op, in []*Value, out *Value) { sum(in, out, -1) },
		backward: func(_ program.Op, _ []*Value, _, g *Value, din []*Value) { sumBack(g, din, -1) }}
	mul = meaning{forward: mulForward, backward: mulBackward}
	div = meaning{
		forward: func(_ program.Op, in []*Value, out *Value) {
			a, b := in[0].Real, in[1].Real
			for i := range a {
				out.Real[i] = a[i] / b[i%len(b)]
			}
		},
		backward: func(_ program.Op, in []*Value, out, g *Value, din []*Value) {
			b := in[1].Real
			for i, v := range g.Real {
				din[0].Real[i] += v / b[i%len(b)]
				din[1].Real[i%len(b)] -= v * out.Real[i] / b[i%len(b)]
			}
		},
	}
)

func sum(in []*Value, out *Value, sign float64) {
	for i, v := range in[0].Real {
		out.Real[i] = v + sign*in[1].Real[i%len(in[1].Real)]
	}
	for i, v := range in[0].Complex {
		out.Complex[i] = v + complex(sign, 0)*in[1].Complex[i%len(in[1].Complex)]
	}
}

func sumBack(g *Value, din []*Value, sign float64) {
	for i, v := range g.Real {
		din[0].Real[i] += v
		din[1].Real[i%len(din[1].Real)] += sign * v
	}
	for i, v := range g.Complex {
		din[0].Complex[i] += v
		din[1].Complex[i%len(din[1].Complex)] += complex(sign, 0) * v
	}
}

func mulForward(_ program.Op, in []*Value, out *Value) {
	a, b := in[0], in[1]
	for i, v := range a.Real {
		out.Real[i] = v * b.Real[i%len(b.Real)]
	}
	for i, v := range a.Complex {
		if b.Kind == program.Complex {
			out.Complex[i] = v * b.Complex[i%len(b.Complex)]
		} else {
			out.Complex[i] = v * complex(b.Real[i%len(b.Real)], 0)
		}
	}
}

// mulBackward adds the gradients of z = a·b: g·conj(b) for a and g·conj(a) for b; a real factor takes the real part.
func mulBackward(_ program.Op, in []*Value, _, g *Value, din []*Value) {
	a, b := in[0], in[1]
	for i, v := range g.Real {
		j := i % len(b.Real)
		din[0].Real[i] += v * b.Real[j]
		din[1].Real[j] += v * a.Real[i]
	}
	for i, v := range g.Complex {
		if b.Kind == program.Complex {
			j := i % len(b.Complex)
			din[0].Complex[i] += v * conj(b.Complex[j])
			din[1].Complex[j] += v * conj(a.Complex[i])
		} else {
			j := i % len(b.Real)
			din[0].Complex[i] += v * complex(b.Real[j], 0)
			din[1].Real[j] += real(v * conj(a.Complex[i]))
		}
	}
}

func conj(z complex128) complex128 { return complex(real(z), -imag(z)) }
