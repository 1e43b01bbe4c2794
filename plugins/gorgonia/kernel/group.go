package kernel

import (
	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/core/program"
)

// grouped is the common geometry of the operations on groups.
type grouped[T Float] struct {
	e       *Env[T]
	groups  int
	members int
	rows    int // of a patch
	cols    int
	weights int // length of the weight operand: one image, or one per member
}

func (q grouped[T]) area() int { return q.rows * q.cols }

// weight returns the weight image of a member of all patches.
func (q grouped[T]) weight(w []T, member int) []T {
	return w[member*q.area()%q.weights:][:q.area()]
}

func (q grouped[T]) patch(data []T, member int) image[T] {
	return image[T]{q.rows, q.cols, 2, data[2*member*q.area():][:2*q.area()]}
}

// on returns data as a patch of k numbers per pixel.
func (q grouped[T]) on(data []T, k int) image[T] { return image[T]{q.rows, q.cols, k, data} }

// between returns the offset of member j relative to member i.
func between[T Float](offsets []T, i, j int) (dy, dx float64) {
	return float64(offsets[2*j]) - float64(offsets[2*i]), float64(offsets[2*j+1]) - float64(offsets[2*i+1])
}

// denominator sums the weights of a group as its member i sees them. All images use the scratch memory of one worker.
func (q grouped[T]) denominator(den, offsets, w []T, i int) {
	clear(den)
	first := i / q.members * q.members
	for j := first; j < first+q.members; j++ {
		dy, dx := between(offsets, i, j)
		sample(q.on(den, 1), q.on(q.weight(w, j), 1), -dy, -dx)
	}
}

// mergePairwise computes M_i = Σ_j T(w_j·O_j, p_j − p_i) / Σ_j T(w_j, p_j − p_i); see core/physics.
func (e *Env[T]) mergePairwise(c Call) Rule[T] {
	s := c.In[0].Shape
	q := grouped[T]{e, s[0], s[1], s[2], s[3], c.In[2].Len()}
	all := q.groups * q.members
	return Rule[T]{
		Forward: func(out []T, in [][]T) {
			objects, offsets, w := in[0], in[1], in[2]
			scaled := e.Borrow(2 * all * q.area())
			defer e.Return(scaled)
			e.Pool.Run(all, func(j int) { weigh(q.patch(scaled, j).data, q.patch(objects, j).data, q.weight(w, j), 2) })
			e.Pool.Run(all, func(i int) {
				den := e.Borrow(q.area())
				defer e.Return(den)
				q.denominator(den, offsets, w, i)
				num := q.patch(out, i)
				clear(num.data)
				first := i / q.members * q.members
				for j := first; j < first+q.members; j++ {
					dy, dx := between(offsets, i, j)
					sample(num, q.patch(scaled, j), -dy, -dx)
				}
				quotient(num.data, num.data, den, 0)
			})
		},
		Back: []*Gradient[T]{{Operands: []int{1, 2}, F: func(d []T, in [][]T, _, g []T) {
			offsets, w := in[0], in[1]
			shares := e.Borrow(2 * all * q.area())
			defer e.Return(shares)
			e.Pool.Run(all, func(i int) {
				den := e.Borrow(q.area())
				defer e.Return(den)
				q.denominator(den, offsets, w, i)
				quotient(q.patch(shares, i).data, q.patch(g, i).data, den, 0)
			})
			e.Pool.Run(all, func(j int) {
				dst := q.patch(d, j)
				clear(dst.data)
				first := j / q.members * q.members
				for i := first; i < first+q.members; i++ {
					dy, dx := between(offsets, i, j)
					sample(dst, q.patch(shares, i), dy, dx)
				}
				weigh(dst.data, dst.data, q.weight(w, j), 2)
			})
		}}, nil, nil},
	}
}

// assemble adds the patches of a group to a canvas of side S and divides by the summed weights.
func (e *Env[T]) assemble(c Call) Rule[T] {
	s, side := c.In[0].Shape, c.Out.Shape[1]
	q := grouped[T]{e, s[0], s[1], s[2], s[3], c.In[2].Len()}
	corner := float64(side/2 - q.rows/2) // core/physics positions patches in the same way, by their rows
	// sums writes the summed weights of group b to den and returns the floor.
	sums := func(den, offsets, w []T, b int) T {
		clear(den)
		top := T(0)
		for j := b * q.members; j < (b+1)*q.members; j++ {
			patch := q.on(q.weight(w, j), 1)
			sample(image[T]{side, side, 1, den}, patch, -(corner + float64(offsets[2*j])), -(corner + float64(offsets[2*j+1])))
			for _, v := range patch.data {
				top = max(top, v)
			}
		}
		return physics.CoverageFloor * top
	}
	return Rule[T]{
		Forward: func(out []T, in [][]T) {
			objects, offsets, w := in[0], in[1], in[2]
			e.Pool.Run(q.groups, func(b int) {
				den, scaled := e.Borrow(side*side), e.Borrow(2*q.area())
				defer e.Return(den)
				defer e.Return(scaled)
				floor := sums(den, offsets, w, b)
				canvas := image[T]{side, side, 2, out[2*b*side*side:][:2*side*side]}
				clear(canvas.data)
				for j := b * q.members; j < (b+1)*q.members; j++ {
					weigh(scaled, q.patch(objects, j).data, q.weight(w, j), 2)
					sample(canvas, q.on(scaled, 2), -(corner + float64(offsets[2*j])), -(corner + float64(offsets[2*j+1])))
				}
				quotient(canvas.data, canvas.data, den, floor)
			})
		},
		Back: []*Gradient[T]{{Operands: []int{1, 2}, F: func(d []T, in [][]T, _, g []T) {
			offsets, w := in[0], in[1]
			e.Pool.Run(q.groups, func(b int) {
				den, share := e.Borrow(side*side), e.Borrow(2*side*side)
				defer e.Return(den)
				defer e.Return(share)
				floor := sums(den, offsets, w, b)
				quotient(share, g[2*b*side*side:][:2*side*side], den, floor)
				for j := b * q.members; j < (b+1)*q.members; j++ {
					dst := q.patch(d, j)
					clear(dst.data)
					sample(dst, image[T]{side, side, 2, share}, corner+float64(offsets[2*j]), corner+float64(offsets[2*j+1]))
					weigh(dst.data, dst.data, q.weight(w, j), 2)
				}
			})
		}}, nil, nil},
	}
}

// extract cuts patches out of the canvas at the members' offsets.
func (e *Env[T]) extract(c Call) Rule[T] {
	height, width, members, n := c.In[0].Shape[1], c.In[0].Shape[2], c.Out.Shape[1], c.Out.Shape[2]
	corner := float64(height/2 - n/2)
	canvas := func(data []T, b int) image[T] {
		return image[T]{height, width, 2, data[2*b*height*width:][:2*height*width]}
	}
	patch := func(data []T, i int) image[T] { return image[T]{n, n, 2, data[2*i*n*n:][:2*n*n]} }
	return Rule[T]{
		Forward: func(out []T, in [][]T) {
			e.Pool.Run(c.Out.Shape[0]*members, func(i int) {
				dst := patch(out, i)
				clear(dst.data)
				sample(dst, canvas(in[0], i/members), corner+float64(in[1][2*i]), corner+float64(in[1][2*i+1]))
			})
		},
		Back: []*Gradient[T]{{Operands: []int{1}, F: func(d []T, in [][]T, _, g []T) {
			e.Pool.Run(c.Out.Shape[0], func(b int) {
				dst := canvas(d, b)
				clear(dst.data)
				for i := b * members; i < (b+1)*members; i++ {
					sample(dst, patch(g, i), -(corner + float64(in[0][2*i])), -(corner + float64(in[0][2*i+1])))
				}
			})
		}}, nil},
	}
}

// translate moves each image by sign·offset.
func (e *Env[T]) translate(c Call) Rule[T] {
	h, w := c.Out.Shape[2], c.Out.Shape[3]
	k := c.Out.Size() / c.Out.Len()
	sign := c.Attr("sign")
	move := func(dst, src, offsets []T, sign float64) {
		e.Pool.Run(c.Out.Shape[0]*c.Out.Shape[1], func(i int) {
			to := image[T]{h, w, k, dst[i*h*w*k:][:h*w*k]}
			clear(to.data)
			sample(to, image[T]{h, w, k, src[i*h*w*k:][:h*w*k]}, -sign*float64(offsets[2*i]), -sign*float64(offsets[2*i+1]))
		})
	}
	return Rule[T]{
		Forward: func(out []T, in [][]T) { move(out, in[0], in[1], sign) },
		Back:    []*Gradient[T]{{Operands: []int{1}, F: func(d []T, in [][]T, _, g []T) { move(d, g, in[0], -sign) }}, nil},
	}
}

// physics returns the operations between object and detector.
func (e *Env[T]) physics(c Call) (Rule[T], bool) {
	switch c.Kind {
	case program.Illuminate:
		return e.illuminate(c), true
	case program.Intensity:
		return e.intensity(c), true
	case program.Translate:
		return e.translate(c), true
	case program.MergeWeight:
		return e.mergeWeight(c), true
	case program.MergePairwise:
		return e.mergePairwise(c), true
	case program.Assemble:
		return e.assemble(c), true
	case program.Extract:
		return e.extract(c), true
	}
	return Rule[T]{}, false
}
