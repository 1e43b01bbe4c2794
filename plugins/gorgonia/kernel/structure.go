package kernel

import "github.com/ptychogo/ptycho/core/program"

// structure returns the operations that move elements. Reshape needs none: nodes are flat.
func (e *Env[T]) structure(c Call) (Rule[T], bool) {
	k := c.Out.Size() / max(c.Out.Len(), 1) // numbers per element
	switch c.Kind {
	case program.Detach:
		return Rule[T]{Forward: func(out []T, in [][]T) { copy(out, in[0]) }}, true
	case program.Pad:
		return e.border(c.In[0], c.Out, k, int(c.Attr("amount"))), true
	case program.Crop:
		return e.border(c.In[0], c.Out, k, -int(c.Attr("amount"))), true
	case program.MaskCenter:
		return e.maskCenter(c, k), true
	case program.Concat:
		return e.concat(c), true
	case program.SliceChannels:
		area, from := c.In[0].area(), int(c.Attr("from"))
		channels, kept := c.In[0].Shape[1], c.Out.Shape[1]
		return Rule[T]{
			Forward: func(out []T, in [][]T) {
				e.Pool.Run(c.Out.Shape[0], func(n int) {
					copy(out[n*kept*area:(n+1)*kept*area], in[0][(n*channels+from)*area:])
				})
			},
			Back: only(&Gradient[T]{F: func(d []T, _ [][]T, _, g []T) {
				clear(d)
				e.Pool.Run(c.Out.Shape[0], func(n int) {
					copy(d[(n*channels+from)*area:], g[n*kept*area:(n+1)*kept*area])
				})
			}}),
		}, true
	case program.Gather:
		return e.gather(c), true
	}
	return Rule[T]{}, false
}

// border copies an image into a larger one with a border of amount on each side, or cuts it out of the larger one when
// amount is negative.
func (e *Env[T]) border(small, large Operand, k, amount int) Rule[T] {
	grow := amount >= 0
	if !grow {
		small, large, amount = large, small, -amount
	}
	h, w := small.Shape[len(small.Shape)-2], small.Shape[len(small.Shape)-1]*k
	row := large.Shape[len(large.Shape)-1] * k
	images := small.Size() / (h * w)
	rows := func(visit func(small, large int)) {
		e.Pool.Run(images, func(i int) {
			for y := range h {
				visit((i*h+y)*w, (i*(h+2*amount)+y+amount)*row+amount*k)
			}
		})
	}
	embed := func(dst, src []T) {
		clear(dst)
		rows(func(s, l int) { copy(dst[l:l+w], src[s:s+w]) })
	}
	cut := func(dst, src []T) { rows(func(s, l int) { copy(dst[s:s+w], src[l:l+w]) }) }
	forward, back := embed, cut
	if !grow {
		forward, back = cut, embed
	}
	return Rule[T]{
		Forward: func(out []T, in [][]T) { forward(out, in[0]) },
		Back:    only(&Gradient[T]{F: func(d []T, _ [][]T, _, g []T) { back(d, g) }}),
	}
}

func (e *Env[T]) maskCenter(c Call, k int) Rule[T] {
	h, w := c.Out.Shape[len(c.Out.Shape)-2], c.Out.Shape[len(c.Out.Shape)-1]
	apply := func(dst, src []T) {
		e.Pool.Run(c.Out.Size()/(h*w*k), func(i int) {
			img := dst[i*h*w*k : (i+1)*h*w*k]
			copy(img, src[i*h*w*k:])
			for y := h / 4; y < h/4+h/2; y++ {
				clear(img[(y*w+w/4)*k : (y*w+w/4+w/2)*k])
			}
		})
	}
	return Rule[T]{
		Forward: func(out []T, in [][]T) { apply(out, in[0]) },
		Back:    only(&Gradient[T]{F: func(d []T, _ [][]T, _, g []T) { apply(d, g) }}),
	}
}

func (e *Env[T]) concat(c Call) Rule[T] {
	area, total := c.Out.area(), c.Out.Shape[1]*c.Out.area()
	starts, lengths := make([]int, len(c.In)), make([]int, len(c.In))
	at := 0
	for i, in := range c.In {
		starts[i], lengths[i] = at, in.Shape[1]*area
		at += lengths[i]
	}
	r := Rule[T]{Forward: func(out []T, in [][]T) {
		e.Pool.Run(c.Out.Shape[0], func(n int) {
			for i, v := range in {
				copy(out[n*total+starts[i]:][:lengths[i]], v[n*lengths[i]:])
			}
		})
	}}
	for i := range c.In {
		r.Back = append(r.Back, &Gradient[T]{F: func(d []T, _ [][]T, _, g []T) {
			e.Pool.Run(c.Out.Shape[0], func(n int) { copy(d[n*lengths[i]:][:lengths[i]], g[n*total+starts[i]:]) })
		}})
	}
	return r
}

// gather reads rows of a table. An index outside of the table is rejected before a batch runs.
func (e *Env[T]) gather(c Call) Rule[T] {
	row := c.In[0].Size() / c.In[0].Shape[0]
	return Rule[T]{
		Forward: func(out []T, in [][]T) {
			for i := range c.In[1].Len() {
				copy(out[i*row:(i+1)*row], in[0][int(in[1][i])*row:])
			}
		},
		Back: []*Gradient[T]{{Operands: []int{1}, F: func(d []T, in [][]T, _, g []T) {
			clear(d)
			for i := range c.In[1].Len() {
				dst := d[int(in[0][i])*row:][:row]
				for j, v := range g[i*row : (i+1)*row] {
					dst[j] += v
				}
			}
		}}, nil},
	}
}
