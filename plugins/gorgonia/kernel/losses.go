package kernel

import (
	"math"

	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/core/program"
)

func root[T Float](x T) T { return T(math.Sqrt(float64(x))) }

// losses returns means over the valid pixels of each pattern, Σm·f/Σm, computed and summed in float64: a pattern's sum runs
// over up to a million pixels that span eight decades.
//
// Long: one table with a rule for each operation.
func (e *Env[T]) losses(c Call) (Rule[T], bool) {
	if c.Kind == program.ExpectedDeviance {
		return Rule[T]{Forward: func(out []T, in [][]T) {
			e.perPattern(c, in[0], in[1], func(p, from int, mask []T, total float64) {
				sum := 0.0
				for i, m := range mask {
					if m != 0 {
						sum += float64(m) * physics.ExpectedDeviance(float64(in[0][from+i]))
					}
				}
				out[p] = T(sum / total)
			})
		}}, true
	}
	type loss struct {
		f, df func(lambda, k float64) float64
	}
	l, ok := map[program.OpKind]loss{
		program.PoissonDeviance: {physics.PoissonDeviance, func(lambda, k float64) float64 { return 2 * (1 - k/lambda) }},
		program.PoissonNLL: {func(lambda, k float64) float64 {
			if k == 0 {
				return lambda
			}
			factorial, _ := math.Lgamma(k + 1)
			return lambda - k*math.Log(lambda) + factorial
		}, func(lambda, k float64) float64 { return 1 - k/lambda }},
		program.AmplitudeLoss: {func(lambda, k float64) float64 {
			d := math.Sqrt(lambda) - math.Sqrt(k)
			return d * d
		}, func(lambda, k float64) float64 { return 1 - math.Sqrt(k/lambda) }},
		program.AmplitudeMAE: {func(lambda, k float64) float64 { return math.Abs(math.Sqrt(lambda) - math.Sqrt(k)) },
			func(lambda, k float64) float64 {
				switch {
				case lambda > k:
					return 1 / (2 * math.Sqrt(lambda))
				case lambda < k:
					return -1 / (2 * math.Sqrt(lambda))
				}
				return 0
			}},
	}[c.Kind]
	if !ok {
		return Rule[T]{}, false
	}
	return Rule[T]{
		Forward: func(out []T, in [][]T) {
			e.perPattern(c, in[0], in[2], func(p, from int, mask []T, total float64) {
				sum := 0.0
				for i, m := range mask {
					if m != 0 {
						sum += float64(m) * l.f(float64(in[0][from+i]), float64(in[1][from+i]))
					}
				}
				out[p] = T(sum / total)
			})
		},
		Back: []*Gradient[T]{{Operands: []int{0, 1, 2}, F: func(d []T, in [][]T, _, g []T) {
			e.perPattern(c, in[0], in[2], func(p, from int, mask []T, total float64) {
				share := float64(g[p]) / total
				for i, m := range mask {
					if m == 0 {
						d[from+i] = 0
						continue
					}
					d[from+i] = T(share * float64(m) * l.df(float64(in[0][from+i]), float64(in[1][from+i])))
				}
			})
		}}, nil, nil},
	}, true
}

// perPattern visits patterns with the index of their first pixel, their mask and its sum. A pattern without valid pixels
// has the mean 0; visit receives 1 as its sum.
func (e *Env[T]) perPattern(c Call, lambda, mask []T, visit func(p, from int, mask []T, total float64)) {
	area := c.In[0].area()
	e.Pool.Run(len(lambda)/area, func(p int) {
		m := mask[p*area%len(mask):][:area]
		total := 0.0
		for _, v := range m {
			total += float64(v)
		}
		if total == 0 {
			total = 1
		}
		visit(p, p*area, m, total)
	})
}

// TotalKind is the kind of the operation that Total returns. It is not an operation of programs.
const TotalKind program.OpKind = "total"

// Total returns the cost: Σ_l seed_l·Σ_p weight_p·value_l[p]. Its operands are the values [patterns], then the weights
// [patterns], then the seeds [1].
func Total[T Float](values, patterns int) *Op[T] {
	o := &Op[T]{Name: "total", Size: 1, Scalar: true, Gradient: Forward}
	o.Call.Kind = TotalKind
	for i := range 2*values + 1 {
		size := 1
		if i <= values {
			size = patterns
		}
		o.Sizes = append(o.Sizes, size)
		o.Call.In = append(o.Call.In, Operand{Kind: program.Real, Shape: []int{size}})
	}
	o.Rule.Forward = func(out []T, in [][]T) {
		sum := 0.0
		for l, v := range in[:values] {
			for p, w := range in[values] {
				sum += float64(in[values+1+l][0]) * float64(w) * float64(v[p])
			}
		}
		out[0] = T(sum)
	}
	for l := range values {
		o.Rule.Back = append(o.Rule.Back, &Gradient[T]{Operands: []int{values, values + 1 + l}, F: func(d []T, in [][]T, _, _ []T) {
			for p, w := range in[0] {
				d[p] = w * in[1][0]
			}
		}})
	}
	return o
}
