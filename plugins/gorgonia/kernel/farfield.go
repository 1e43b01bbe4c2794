package kernel

import (
	"fmt"

	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/core/program"
)

// transform builds the operations that need a Fourier transform.
func (e *Env[T]) transform(c Call) (Rule[T], error) {
	rows, cols := c.Out.Shape[len(c.Out.Shape)-2], c.Out.Shape[len(c.Out.Shape)-1]
	plan, err := newTransform[T](rows, cols, e.conv.path)
	if err != nil {
		return Rule[T]{}, fmt.Errorf("op: %s: %w", c.Kind, err)
	}
	if c.Kind == program.BackProject {
		return e.backProject(c, plan), nil
	}
	return e.fourier(c, plan), nil
}

// fourier transforms every image; the inverse is the adjoint.
func (e *Env[T]) fourier(c Call, plan *transform[T]) Rule[T] {
	size := 2 * c.Out.area()
	inverse := c.Attr("inverse") != 0
	run := func(dst, src []T, inverse bool) {
		e.Pool.Run(len(dst)/size, func(i int) {
			if inverse {
				plan.inverse(dst[i*size:][:size], src[i*size:][:size])
			} else {
				plan.forward(dst[i*size:][:size], src[i*size:][:size])
			}
		})
	}
	return Rule[T]{
		Forward: func(out []T, in [][]T) { run(out, in[0], inverse) },
		Back:    only(&Gradient[T]{F: func(d []T, _ [][]T, _, g []T) { run(d, g, !inverse) }}),
	}
}

// illuminate computes out[p, m] = object[p]·probe[m], or ·probe[p, m], for patterns p and modes m.
func (e *Env[T]) illuminate(c Call) Rule[T] {
	modes, size := c.Out.Shape[2], 2*c.Out.area()
	patterns := c.Out.Shape[0] * c.Out.Shape[1]
	probeAt := func(probe []T, pm int) []T { return probe[pm*size%len(probe):][:size] }
	return Rule[T]{
		Forward: func(out []T, in [][]T) {
			e.Pool.Run(patterns*modes, func(pm int) {
				multiply(out[pm*size:][:size], in[0][pm/modes*size:][:size], probeAt(in[1], pm), 1)
			})
		},
		Back: []*Gradient[T]{
			{Operands: []int{1}, F: func(d []T, in [][]T, _, g []T) {
				e.Pool.Run(patterns, func(p int) {
					dst := d[p*size:][:size]
					clear(dst)
					for m := range modes {
						accumulate(dst, g[(p*modes+m)*size:][:size], probeAt(in[0], p*modes+m))
					}
				})
			}},
			{Operands: []int{0}, F: func(d []T, in [][]T, _, g []T) {
				clear(d)
				for pm := range patterns * modes { // in order: all patterns share a probe
					accumulate(d[pm*size%len(d):][:size], g[pm*size:][:size], in[0][pm/modes*size:][:size])
				}
			}},
		},
	}
}

// multiply computes out = a·b for pairs, or a·conj(b) with sign −1.
func multiply[T Float](out, a, b []T, sign T) {
	a, b = a[:len(out)], b[:len(out)]
	for i := 0; i+1 < len(out); i += 2 {
		br, bi := b[i], sign*b[i+1]
		out[i], out[i+1] = a[i]*br-a[i+1]*bi, a[i]*bi+a[i+1]*br
	}
}

// accumulate adds a·conj(b) to out.
func accumulate[T Float](out, a, b []T) {
	a, b = a[:len(out)], b[:len(out)]
	for i := 0; i+1 < len(out); i += 2 {
		out[i] += a[i]*b[i] + a[i+1]*b[i+1]
		out[i+1] += a[i+1]*b[i] - a[i]*b[i+1]
	}
}

// intensity computes Σ_modes|·|².
func (e *Env[T]) intensity(c Call) Rule[T] {
	modes, area := c.In[0].Shape[2], c.Out.area()
	patterns := c.Out.Len() / area
	return Rule[T]{
		Forward: func(out []T, in [][]T) {
			e.Pool.Run(patterns, func(p int) {
				dst := out[p*area:][:area]
				clear(dst)
				for m := range modes {
					src := in[0][(p*modes+m)*2*area:][:2*area]
					for i := range dst {
						dst[i] += src[2*i]*src[2*i] + src[2*i+1]*src[2*i+1]
					}
				}
			})
		},
		Back: only(&Gradient[T]{Operands: []int{0}, F: func(d []T, in [][]T, _, g []T) {
			e.Pool.Run(patterns*modes, func(pm int) {
				back := g[pm/modes*area:][:area]
				src, dst := in[0][pm*2*area:][:2*area], d[pm*2*area:][:2*area]
				for i, v := range back {
					dst[2*i], dst[2*i+1] = 2*v*src[2*i], 2*v*src[2*i+1]
				}
			})
		}}),
	}
}

// mergeWeight computes Σ_modes|P|²/max + floor, for each probe of the operand.
func (e *Env[T]) mergeWeight(c Call) Rule[T] {
	area := c.Out.area()
	probes := c.Out.Len() / area
	floor := T(c.Attr("floor"))
	return Rule[T]{Forward: func(out []T, in [][]T) {
		each := len(in[0]) / probes
		for p := range probes {
			probe, w := in[0][p*each:][:each], out[p*area:][:area]
			clear(w)
			top := T(0)
			for i := 0; i < each; i += 2 {
				w[i/2%area] += probe[i]*probe[i] + probe[i+1]*probe[i+1]
			}
			for _, v := range w {
				top = max(top, v)
			}
			for i := range w {
				if top > 0 {
					w[i] /= top
				}
				w[i] += floor
			}
		}
	}}
}

// backProject computes F⁻¹(√k·F0/|F0|)·P*/(|P|²+ε·max|P|²). Phase and filter depend on the probe, which hardly ever
// changes, so they are kept for the last probe.
func (e *Env[T]) backProject(c Call, plan *transform[T]) Rule[T] {
	n := c.Out.Shape[3]
	area := n * n
	var seen, phase, filter []T // seen is the probe operand; phase and filter have one image per probe
	modes := c.In[1].Shape[len(c.In[1].Shape)-3]
	probes := c.In[1].Len() / (modes * area)
	prepare := func(probe []T) {
		seen = append(seen[:0], probe...)
		phase, filter = make([]T, 2*probes*area), make([]T, 2*probes*area)
		e.Pool.Run(probes, func(p int) {
			first := make([]complex128, area)
			for i := range first {
				first[i] = complex(float64(probe[2*(p*modes*area+i)]), float64(probe[2*(p*modes*area+i)+1]))
			}
			b := physics.NewBackProjector(first, n, c.Attr("epsilon"))
			for i, v := range b.Phase() {
				f := b.Filter()[i]
				phase[2*(p*area+i)], phase[2*(p*area+i)+1] = T(real(v)), T(imag(v))
				filter[2*(p*area+i)], filter[2*(p*area+i)+1] = T(real(f)), T(imag(f))
			}
		})
	}
	return Rule[T]{Forward: func(out []T, in [][]T) {
		if !same(seen, in[1]) {
			prepare(in[1])
		}
		e.Pool.Run(c.Out.Len()/area, func(i int) {
			field := e.Borrow(2 * area)
			defer e.Return(field)
			ph := phase[2*i*area%len(phase):][:2*area]
			for j, k := range in[0][i*area:][:area] {
				a := root(k)
				field[2*j], field[2*j+1] = a*ph[2*j], a*ph[2*j+1]
			}
			dst := out[2*i*area:][:2*area]
			plan.inverse(dst, field)
			multiply(dst, dst, filter[2*i*area%len(filter):][:2*area], 1)
		})
	}}
}

func same[T Float](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i, v := range a {
		if v != b[i] {
			return false
		}
	}
	return true
}
