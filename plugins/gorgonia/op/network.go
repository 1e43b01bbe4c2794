package op

import (
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/plugins/gorgonia/conv"
)

func (e *Env[T]) network(c Call) (Rule[T], bool) {
	switch c.Kind {
	case program.Conv2D:
		return e.conv2D(c), true
	case program.MaxPool2:
		return e.pool2(c, maxWindow[T], maxWindowBack[T], true), true
	case program.AvgPool2:
		return e.pool2(c, func(a, b, c, d T) T { return (a + b + c + d) / 4 }, nil, false), true
	case program.Upsample2:
		return e.upsample2(c), true
	case program.GlobalMean, program.MeanPixels:
		return e.meanImage(c), true
	case program.ScalePlanes:
		return e.scalePlanes(c), true
	case program.Dense:
		return e.dense(c), true
	}
	return Rule[T]{}, false
}

func (e *Env[T]) conv2D(c Call) Rule[T] {
	x := c.In[0].Shape
	s := conv.Shape{Batch: x[0], In: x[1], Out: c.Out.Shape[1], Height: x[2], Width: x[3], Kernel: c.In[1].Shape[2]}
	mask := func(out []T) []T {
		if c.ReLU {
			return out
		}
		return nil
	}
	return Rule[T]{
		Forward: func(out []T, in [][]T) { conv.Forward(e.Conv, s, in[0], in[1], in[2], c.ReLU, out) },
		Back: []*Gradient[T]{
			{Operands: []int{1}, Output: c.ReLU, F: func(d []T, in [][]T, out, g []T) { conv.GradInput(e.Conv, s, g, mask(out), in[0], d) }},
			{Operands: []int{0}, Output: c.ReLU, F: func(d []T, in [][]T, out, g []T) { conv.GradWeight(e.Conv, s, in[0], g, mask(out), d) }},
			{Output: c.ReLU, F: func(d []T, _ [][]T, out, g []T) { conv.GradBias(e.Conv, s, g, mask(out), d) }},
		},
	}
}

func maxWindow[T float32 | float64](a, b, c, d T) T { return max(max(a, b), max(c, d)) }

// maxWindowBack gives every maximum of the window the whole gradient.
func maxWindowBack[T float32 | float64](x, y, g T) T {
	if x == y {
		return g
	}
	return 0
}

// pool2 is a 2×2 pool; back(x, y, g) is what one element of the window gets, nil for a quarter of g.
func (e *Env[T]) pool2(c Call, f func(a, b, c, d T) T, back func(x, y, g T) T, reads bool) Rule[T] {
	h, w := c.Out.Shape[2], c.Out.Shape[3]
	planes := c.Out.Shape[0] * c.Out.Shape[1]
	g := &Gradient[T]{F: func(d []T, in [][]T, out, g []T) {
		e.Pool.Run(planes, func(p int) {
			for r := range h {
				for col := range w {
					i := (p*h+r)*w + col
					j := (p*2*h+2*r)*2*w + 2*col
					for _, k := range [4]int{j, j + 1, j + 2*w, j + 2*w + 1} {
						if back == nil {
							d[k] = g[i] / 4
						} else {
							d[k] = back(in[0][k], out[i], g[i])
						}
					}
				}
			}
		})
	}}
	if reads {
		g.Operands, g.Output = []int{0}, true
	}
	return Rule[T]{
		Forward: func(out []T, in [][]T) {
			e.Pool.Run(planes, func(p int) {
				for r := range h {
					top := in[0][(p*2*h+2*r)*2*w:][:2*w]
					low := in[0][(p*2*h+2*r+1)*2*w:][:2*w]
					dst := out[(p*h+r)*w:][:w]
					for col := range dst {
						dst[col] = f(top[2*col], top[2*col+1], low[2*col], low[2*col+1])
					}
				}
			})
		},
		Back: only(g),
	}
}

func (e *Env[T]) upsample2(c Call) Rule[T] {
	h, w := c.In[0].Shape[2], c.In[0].Shape[3]
	planes := c.In[0].Shape[0] * c.In[0].Shape[1]
	return Rule[T]{
		Forward: func(out []T, in [][]T) {
			e.Pool.Run(planes, func(p int) {
				for r := range h {
					dst := out[(p*2*h+2*r)*2*w:][:4*w]
					for col, v := range in[0][(p*h+r)*w:][:w] {
						dst[2*col], dst[2*col+1] = v, v
					}
					copy(dst[2*w:], dst[:2*w])
				}
			})
		},
		Back: only(&Gradient[T]{F: func(d []T, _ [][]T, _, g []T) {
			e.Pool.Run(planes, func(p int) {
				for r := range h {
					top, low := g[(p*2*h+2*r)*2*w:][:2*w], g[(p*2*h+2*r+1)*2*w:][:2*w]
					dst := d[(p*h+r)*w:][:w]
					for col := range dst {
						dst[col] = (top[2*col] + top[2*col+1]) + (low[2*col] + low[2*col+1])
					}
				}
			})
		}}),
	}
}

// meanImage is the mean over the last two axes, summed in float64.
func (e *Env[T]) meanImage(c Call) Rule[T] {
	area := c.In[0].area()
	return Rule[T]{
		Forward: func(out []T, in [][]T) {
			for i := range out {
				sum := 0.0
				for _, v := range in[0][i*area : (i+1)*area] {
					sum += float64(v)
				}
				out[i] = T(sum / float64(area))
			}
		},
		Back: only(&Gradient[T]{F: func(d []T, _ [][]T, _, g []T) {
			for i, v := range g {
				v /= T(area)
				dst := d[i*area : (i+1)*area]
				for j := range dst {
					dst[j] = v
				}
			}
		}}),
	}
}

func (e *Env[T]) scalePlanes(c Call) Rule[T] {
	area := c.In[0].area()
	scaled := func(dst, x, s []T) {
		for i, v := range s {
			src := x[i*area : (i+1)*area]
			for j, u := range src {
				dst[i*area+j] = u * v
			}
		}
	}
	return Rule[T]{
		Forward: func(out []T, in [][]T) { scaled(out, in[0], in[1]) },
		Back: []*Gradient[T]{
			{Operands: []int{1}, F: func(d []T, in [][]T, _, g []T) { scaled(d, g, in[0]) }},
			{Operands: []int{0}, F: func(d []T, in [][]T, _, g []T) {
				for i := range d {
					sum := 0.0
					for j := i * area; j < (i+1)*area; j++ {
						sum += float64(g[j]) * float64(in[0][j])
					}
					d[i] = T(sum)
				}
			}},
		},
	}
}

// dense is a matrix product with sums in float64; such layers are small here.
func (e *Env[T]) dense(c Call) Rule[T] {
	n, f, o := c.In[0].Shape[0], c.In[0].Shape[1], c.Out.Shape[1]
	return Rule[T]{
		Forward: func(out []T, in [][]T) {
			for i := range n * o {
				sum := float64(in[2][i%o])
				for j := range f {
					sum += float64(in[0][i/o*f+j]) * float64(in[1][i%o*f+j])
				}
				out[i] = T(sum)
			}
		},
		Back: []*Gradient[T]{
			{Operands: []int{1}, F: func(d []T, in [][]T, _, g []T) {
				for i := range d {
					sum := 0.0
					for k := range o {
						sum += float64(g[i/f*o+k]) * float64(in[0][k*f+i%f])
					}
					d[i] = T(sum)
				}
			}},
			{Operands: []int{0}, F: func(d []T, in [][]T, _, g []T) {
				for i := range d {
					sum := 0.0
					for k := range n {
						sum += float64(g[k*o+i/f]) * float64(in[0][k*f+i%f])
					}
					d[i] = T(sum)
				}
			}},
			{F: func(d []T, _ [][]T, _, g []T) { fold(d, len(g), func(i int) float64 { return float64(g[i]) }) }},
		},
	}
}
