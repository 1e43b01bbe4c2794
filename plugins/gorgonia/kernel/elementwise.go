package kernel

import (
	"math"

	"github.com/ptychogo/ptycho/core/program"
)

// Long: one table with a rule for each operation.
func (e *Env[T]) elementwise(c Call) (Rule[T], bool) {
	type pair struct {
		f  func(x T) T
		df func(x, y T) T
	}
	slope, scale, shift := T(c.Attr("slope")), T(c.Attr("scale")), T(c.Attr("shift"))
	pairs := map[program.OpKind]pair{
		program.ReLU: {func(x T) T { return max(x, 0) }, func(x, _ T) T {
			if x > 0 {
				return 1
			}
			return 0
		}},
		program.LeakyReLU: {func(x T) T {
			if x > 0 {
				return x
			}
			return slope * x
		}, func(x, _ T) T {
			if x > 0 {
				return 1
			}
			return slope
		}},
		program.Sigmoid:  {sigmoid[T], func(_, y T) T { return y * (1 - y) }},
		program.Tanh:     {func(x T) T { return T(math.Tanh(float64(x))) }, func(_, y T) T { return 1 - y*y }},
		program.SiLU:     {func(x T) T { return x * sigmoid(x) }, func(x, y T) T { s := sigmoid(x); return s + y*(1-s) }},
		program.Softplus: {func(x T) T { return max(x, 0) + T(math.Log1p(math.Exp(-math.Abs(float64(x))))) }, func(x, _ T) T { return sigmoid(x) }},
		program.Exp:      {func(x T) T { return T(math.Exp(float64(x))) }, func(_, y T) T { return y }},
		program.Log1p:    {func(x T) T { return T(math.Log1p(float64(x))) }, func(x, _ T) T { return 1 / (1 + x) }},
		program.Sqrt: {func(x T) T { return T(math.Sqrt(float64(x))) }, func(_, y T) T {
			if y == 0 {
				return 0
			}
			return 1 / (2 * y)
		}},
		program.Square: {func(x T) T { return x * x }, func(x, _ T) T { return 2 * x }},
		program.Affine: {func(x T) T { return scale*x + shift }, func(T, T) T { return scale }},
	}
	p, ok := pairs[c.Kind]
	if !ok {
		return Rule[T]{}, false
	}
	return Rule[T]{
		Forward: func(out []T, in [][]T) {
			e.each(len(out), func(from, to int) {
				x, y := in[0][from:to], out[from:to]
				for i, v := range x {
					y[i] = p.f(v)
				}
			})
		},
		Back: only(&Gradient[T]{Operands: []int{0}, Output: true, F: func(d []T, in [][]T, out, g []T) {
			e.each(len(d), func(from, to int) {
				x, y, gg, dd := in[0][from:to], out[from:to], g[from:to], d[from:to]
				for i, v := range gg {
					dd[i] = v * p.df(x[i], y[i])
				}
			})
		}}),
	}, true
}

func sigmoid[T float32 | float64](x T) T { return T(1 / (1 + math.Exp(-float64(x)))) }

// binary returns the operations that repeat the second operand along the leading axes of the first. A gradient of the
// second operand is summed over those axes in float64, in order, by one worker: such operands are small.
func (e *Env[T]) binary(c Call) (Rule[T], bool) {
	if len(c.In) != 2 {
		return Rule[T]{}, false
	}
	both := c.In[0].Kind == program.Complex && c.In[1].Kind == program.Complex
	mixed := c.In[0].Kind == program.Complex && !both
	switch c.Kind {
	case program.Add, program.Sub:
		sign := T(1)
		if c.Kind == program.Sub {
			sign = -1
		}
		return Rule[T]{
			Forward: func(out []T, in [][]T) { e.repeat(out, in[0], in[1], func(a, b T) T { return a + sign*b }) },
			Back: []*Gradient[T]{
				{F: func(d []T, _ [][]T, _, g []T) { copy(d, g) }},
				{F: func(d []T, _ [][]T, _, g []T) { fold(d, len(g), func(i int) float64 { return float64(sign * g[i]) }) }},
			},
		}, true
	case program.Div:
		return Rule[T]{
			Forward: func(out []T, in [][]T) { e.repeat(out, in[0], in[1], func(a, b T) T { return a / b }) },
			Back: []*Gradient[T]{
				{Operands: []int{1}, F: func(d []T, in [][]T, _, g []T) { e.repeat(d, g, in[0], func(a, b T) T { return a / b }) }},
				{Operands: []int{1}, Output: true, F: func(d []T, in [][]T, out, g []T) {
					fold(d, len(g), func(i int) float64 { return -float64(g[i]) * float64(out[i]) / float64(in[0][i%len(d)]) })
				}},
			},
		}, true
	case program.Mul:
		switch {
		case both:
			return e.complexMul(), true
		case mixed:
			return e.complexScale(), true
		}
		return Rule[T]{
			Forward: func(out []T, in [][]T) { e.repeat(out, in[0], in[1], func(a, b T) T { return a * b }) },
			Back: []*Gradient[T]{
				{Operands: []int{1}, F: func(d []T, in [][]T, _, g []T) { e.repeat(d, g, in[0], func(a, b T) T { return a * b }) }},
				{Operands: []int{0}, F: func(d []T, in [][]T, _, g []T) {
					fold(d, len(g), func(i int) float64 { return float64(g[i]) * float64(in[0][i]) })
				}},
			},
		}, true
	}
	return Rule[T]{}, false
}

// repeat computes out[i] = f(a[i], b[i mod len(b)]).
func (e *Env[T]) repeat(out, a, b []T, f func(a, b T) T) {
	e.each(len(out), func(from, to int) {
		j := from % len(b)
		for i := from; i < to; i++ {
			out[i] = f(a[i], b[j])
			if j++; j == len(b) {
				j = 0
			}
		}
	})
}

// fold sums n terms into d, term i into d[i mod len(d)].
func fold[T float32 | float64](d []T, n int, term func(i int) float64) {
	sums := make([]float64, len(d))
	for i := 0; i < n; i += len(d) {
		for j := range sums {
			sums[j] += term(i + j)
		}
	}
	for j, s := range sums {
		d[j] = T(s)
	}
}

// complexMul computes z = a·b with pairs; the gradients are g·conj(b) and g·conj(a).
func (e *Env[T]) complexMul() Rule[T] {
	return Rule[T]{
		Forward: func(out []T, in [][]T) { e.products(out, in[0], in[1], 1) },
		Back: []*Gradient[T]{
			{Operands: []int{1}, F: func(d []T, in [][]T, _, g []T) { e.products(d, g, in[0], -1) }},
			{Operands: []int{0}, F: func(d []T, in [][]T, _, g []T) {
				a := in[0]
				fold(d, len(g), func(i int) float64 {
					k := i &^ 1
					re, im := float64(g[k])*float64(a[k])+float64(g[k+1])*float64(a[k+1]), float64(g[k+1])*float64(a[k])-float64(g[k])*float64(a[k+1])
					if i == k {
						return re
					}
					return im
				})
			}},
		},
	}
}

// products computes out = a·b, or a·conj(b) with sign −1; b repeats.
func (e *Env[T]) products(out, a, b []T, sign T) {
	e.each(len(out)/2, func(from, to int) {
		for i := 2 * from; i < 2*to; i += 2 {
			j := i % len(b)
			br, bi := b[j], sign*b[j+1]
			out[i], out[i+1] = a[i]*br-a[i+1]*bi, a[i]*bi+a[i+1]*br
		}
	})
}

// complexScale computes z = a·s with real s.
func (e *Env[T]) complexScale() Rule[T] {
	scaled := func(out, a, s []T) {
		e.each(len(out)/2, func(from, to int) {
			for i := from; i < to; i++ {
				f := s[i%len(s)]
				out[2*i], out[2*i+1] = a[2*i]*f, a[2*i+1]*f
			}
		})
	}
	return Rule[T]{
		Forward: func(out []T, in [][]T) { scaled(out, in[0], in[1]) },
		Back: []*Gradient[T]{
			{Operands: []int{1}, F: func(d []T, in [][]T, _, g []T) { scaled(d, g, in[0]) }},
			{Operands: []int{0}, F: func(d []T, in [][]T, _, g []T) {
				a := in[0]
				fold(d, len(g)/2, func(i int) float64 {
					return float64(g[2*i])*float64(a[2*i]) + float64(g[2*i+1])*float64(a[2*i+1])
				})
			}},
		},
	}
}
