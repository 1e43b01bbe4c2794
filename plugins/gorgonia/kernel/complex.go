package kernel

import (
	"math"

	"github.com/ptychogo/ptycho/core/program"
)

// complex returns the operations between real values and pairs.
func (e *Env[T]) complex(c Call) (Rule[T], bool) {
	switch c.Kind {
	case program.MakeComplex:
		part := func(k int) *Gradient[T] {
			return &Gradient[T]{F: func(d []T, _ [][]T, _, g []T) {
				e.each(len(d), func(from, to int) {
					for i := from; i < to; i++ {
						d[i] = g[2*i+k]
					}
				})
			}}
		}
		return Rule[T]{
			Forward: func(out []T, in [][]T) {
				e.each(len(in[0]), func(from, to int) {
					for i := from; i < to; i++ {
						out[2*i], out[2*i+1] = in[0][i], in[1][i]
					}
				})
			},
			Back: []*Gradient[T]{part(0), part(1)},
		}, true
	case program.Polar:
		return e.polar(), true
	case program.RealPart:
		return e.part(0), true
	case program.ImagPart:
		return e.part(1), true
	case program.Abs2:
		return Rule[T]{
			Forward: func(out []T, in [][]T) {
				e.each(len(out), func(from, to int) {
					for i := from; i < to; i++ {
						re, im := in[0][2*i], in[0][2*i+1]
						out[i] = re*re + im*im
					}
				})
			},
			Back: only(&Gradient[T]{Operands: []int{0}, F: func(d []T, in [][]T, _, g []T) {
				e.each(len(g), func(from, to int) {
					for i := from; i < to; i++ {
						d[2*i], d[2*i+1] = 2*g[i]*in[0][2*i], 2*g[i]*in[0][2*i+1]
					}
				})
			}}),
		}, true
	case program.Conj:
		flip := func(dst, src []T) {
			for i := 0; i < len(src); i += 2 {
				dst[i], dst[i+1] = src[i], -src[i+1]
			}
		}
		return Rule[T]{
			Forward: func(out []T, in [][]T) { flip(out, in[0]) },
			Back:    only(&Gradient[T]{F: func(d []T, _ [][]T, _, g []T) { flip(d, g) }}),
		}, true
	}
	return Rule[T]{}, false
}

// part returns the real (k = 0) or imaginary (k = 1) part.
func (e *Env[T]) part(k int) Rule[T] {
	return Rule[T]{
		Forward: func(out []T, in [][]T) {
			for i := range out {
				out[i] = in[0][2*i+k]
			}
		},
		Back: only(&Gradient[T]{F: func(d []T, _ [][]T, _, g []T) {
			for i, v := range g {
				d[2*i+k], d[2*i+1-k] = v, 0
			}
		}}),
	}
}

// polar computes A·e^{iφ}, with sine and cosine in float64.
func (e *Env[T]) polar() Rule[T] {
	return Rule[T]{
		Forward: func(out []T, in [][]T) {
			e.each(len(in[0]), func(from, to int) {
				for i := from; i < to; i++ {
					s, c := math.Sincos(float64(in[1][i]))
					out[2*i], out[2*i+1] = in[0][i]*T(c), in[0][i]*T(s)
				}
			})
		},
		Back: []*Gradient[T]{
			{Operands: []int{1}, F: func(d []T, in [][]T, _, g []T) {
				e.each(len(d), func(from, to int) {
					for i := from; i < to; i++ {
						s, c := math.Sincos(float64(in[0][i]))
						d[i] = g[2*i]*T(c) + g[2*i+1]*T(s)
					}
				})
			}},
			{Output: true, F: func(d []T, _ [][]T, out, g []T) {
				e.each(len(d), func(from, to int) {
					for i := from; i < to; i++ {
						d[i] = g[2*i+1]*out[2*i] - g[2*i]*out[2*i+1]
					}
				})
			}},
		},
	}
}
