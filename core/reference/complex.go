package reference

import (
	"math"

	"github.com/ptychogo/ptycho/core/program"
)

var complexMeanings = map[program.OpKind]meaning{
	program.MakeComplex: makeComplex,
	program.Polar:       polar,
	program.RealPart:    realPart,
	program.ImagPart:    imagPart,
	program.Abs2:        abs2Op,
	program.Conj:        conjOp,
}

var (
	makeComplex = meaning{
		forward: func(_ program.Op, in []*Value, out *Value) {
			for i, re := range in[0].Real {
				out.Complex[i] = complex(re, in[1].Real[i])
			}
		},
		backward: func(_ program.Op, _ []*Value, _, g *Value, din []*Value) {
			for i, v := range g.Complex {
				din[0].Real[i] += real(v)
				din[1].Real[i] += imag(v)
			}
		},
	}
	polar = meaning{
		forward: func(_ program.Op, in []*Value, out *Value) {
			for i, a := range in[0].Real {
				s, c := math.Sincos(in[1].Real[i])
				out.Complex[i] = complex(a*c, a*s)
			}
		},
		backward: func(_ program.Op, in []*Value, out, g *Value, din []*Value) {
			for i, v := range g.Complex {
				s, c := math.Sincos(in[1].Real[i])
				din[0].Real[i] += real(v)*c + imag(v)*s
				din[1].Real[i] += imag(v)*real(out.Complex[i]) - real(v)*imag(out.Complex[i])
			}
		},
	}
	realPart = part(func(z complex128) float64 { return real(z) }, func(g float64, _ complex128) complex128 { return complex(g, 0) })
	imagPart = part(func(z complex128) float64 { return imag(z) }, func(g float64, _ complex128) complex128 { return complex(0, g) })
	abs2Op   = part(abs2, func(g float64, z complex128) complex128 { return complex(2*g, 0) * z })
	conjOp   = meaning{
		forward: func(_ program.Op, in []*Value, out *Value) {
			for i, z := range in[0].Complex {
				out.Complex[i] = conj(z)
			}
		},
		backward: func(_ program.Op, _ []*Value, _, g *Value, din []*Value) {
			for i, v := range g.Complex {
				din[0].Complex[i] += conj(v)
			}
		},
	}
)

func abs2(z complex128) float64 { return real(z)*real(z) + imag(z)*imag(z) }

func part(f func(z complex128) float64, df func(g float64, z complex128) complex128) meaning {
	return meaning{
		forward: func(_ program.Op, in []*Value, out *Value) {
			for i, z := range in[0].Complex {
				out.Real[i] = f(z)
			}
		},
		backward: func(_ program.Op, in []*Value, _, g *Value, din []*Value) {
			for i, v := range g.Real {
				din[0].Complex[i] += df(v, in[0].Complex[i])
			}
		},
	}
}
