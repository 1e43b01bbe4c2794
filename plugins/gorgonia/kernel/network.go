package kernel

import (
	"github.com/ptychogo/ptycho/core/program"
)

func (e *Env[T]) network(c Call) (Rule[T], bool) {
	switch c.Kind {
	case program.Conv2D:
		return e.conv2D(c), true
	case program.MaxPool2:
		return e.maxPool2(c), true
	case program.AvgPool2:
		return e.avgPool2(c), true
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
	s := convShape{Batch: x[0], In: x[1], Out: c.Out.Shape[1], Height: x[2], Width: x[3], Kernel: c.In[1].Shape[2]}
	mask := func(out []T) []T {
		if c.ReLU {
			return out
		}
		return nil
	}
	return Rule[T]{
		Forward: func(out []T, in [][]T) { convolve(e.conv, s, in[0], in[1], in[2], c.ReLU, out) },
		Back: []*Gradient[T]{
			{Operands: []int{1}, Output: c.ReLU, F: func(d []T, in [][]T, out, g []T) { gradInput(e.conv, s, g, mask(out), in[0], d) }},
			{Operands: []int{0}, Output: c.ReLU, F: func(d []T, in [][]T, out, g []T) { gradWeight(e.conv, s, in[0], g, mask(out), d) }},
			{Output: c.ReLU, F: func(d []T, _ [][]T, out, g []T) { gradBias(e.conv, s, g, mask(out), d) }},
		},
	}
}

// windows visits the 2×2 windows of each plane by rows: the two rows of the large image, [2w], and the row of the pooled
// image, [w].
func (e *Env[T]) windows(c Call, large, small []T, visit func(top, low, row []T)) {
	h, w := c.Out.Shape[2], c.Out.Shape[3]
	e.Pool.Run(c.Out.Shape[0]*c.Out.Shape[1], func(p int) {
		for r := range h {
			at := (p*2*h + 2*r) * 2 * w
			visit(large[at:at+2*w], large[at+2*w:at+4*w], small[(p*h+r)*w:][:w])
		}
	})
}

// maxPool2 returns the maximum of each window. In the gradient every maximum of a tie gets the whole gradient.
func (e *Env[T]) maxPool2(c Call) Rule[T] {
	h, w := c.Out.Shape[2], c.Out.Shape[3]
	return Rule[T]{
		Forward: func(out []T, in [][]T) {
			e.windows(c, in[0], out, func(top, low, row []T) {
				for i := range row {
					row[i] = max(max(top[2*i], top[2*i+1]), max(low[2*i], low[2*i+1]))
				}
			})
		},
		Back: only(&Gradient[T]{Operands: []int{0}, Output: true, F: func(d []T, in [][]T, out, g []T) {
			e.Pool.Run(c.Out.Len()/(h*w), func(p int) {
				for r := range 2 * h { // rows of the large image
					at, from := (p*2*h+r)*2*w, (p*h+r/2)*w
					maxRowBack(d[at:][:2*w], in[0][at:][:2*w], out[from:][:w], g[from:][:w])
				}
			})
		}}),
	}
}

// maxRowBack computes one row of the gradient of a max-pool.
func maxRowBack[T Float](d, x, y, g []T) {
	g = g[:len(y)]
	d, x = d[:2*len(y)], x[:2*len(y)]
	for i, m := range y {
		v := g[i]
		var a, b T
		if x[2*i] == m {
			a = v
		}
		if x[2*i+1] == m {
			b = v
		}
		d[2*i], d[2*i+1] = a, b
	}
}

func (e *Env[T]) avgPool2(c Call) Rule[T] {
	return Rule[T]{
		Forward: func(out []T, in [][]T) {
			e.windows(c, in[0], out, func(top, low, row []T) {
				for i := range row {
					row[i] = ((top[2*i] + top[2*i+1]) + (low[2*i] + low[2*i+1])) / 4
				}
			})
		},
		Back: only(&Gradient[T]{F: func(d []T, _ [][]T, _, g []T) {
			e.windows(c, d, g, func(top, low, row []T) {
				for i, v := range row {
					top[2*i], top[2*i+1], low[2*i], low[2*i+1] = v/4, v/4, v/4, v/4
				}
			})
		}}),
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

// meanImage computes the mean over the last two axes, summed in float64.
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

// dense computes a matrix product with sums in float64; such layers are small here.
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
