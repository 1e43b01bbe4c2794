package reference

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/ptychogo/ptycho/core/program"
)

// RandomValues draws all inputs of a program for that many groups, its parameters and its buffers: what Forward is
// given. All numbers are exact in float32. An input is drawn by what reads it: counts are photons, a fifth of them 0;
// masks are 1, with some bad pixels and some that count in part; offsets are eighths of a pixel up to ±2.5; indices lie
// within the tables that they point into; a background is above 0. Parameters are uniform in ± the factor of their
// initialisation, except convolution weights, which are smaller by the root of their fan-in. The same seed gives the
// same numbers.
func RandomValues(p *program.Program, groups int, seed uint64) (map[string]*Value, error) {
	types, err := p.Types()
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(seed, 0x76616c756573)) // any stream of its own
	out := map[string]*Value{}
	uses := inputUses(p, types)
	for _, in := range p.Inputs {
		v := NewValue(in.Type.Kind, in.Type.Shape.At(groups))
		uses[in.Name].draw(rng, v)
		out[in.Name] = v
	}
	for _, b := range p.Buffers { // scales and means: above 0, since programs divide by them
		v := NewValue(b.Kind, b.Shape)
		fill(v, func() float64 { return 0.5 + rng.Float64() })
		out[b.Name] = v
	}
	for _, q := range p.Params {
		v := NewValue(q.Kind, q.Shape)
		bound := q.Init.Value
		if bound == 0 {
			bound = 1
		}
		if len(q.Shape) == 4 && q.Init.Kind != program.Constant { // [co, ci, k, k]
			bound *= math.Sqrt(3 / float64(program.Count(q.Shape[1:]))) // of unit variance for unit inputs
		}
		fill(v, func() float64 { return bound * (2*rng.Float64() - 1) })
		out[q.Name] = v
	}
	return out, nil
}

func fill(v *Value, number func() float64) {
	single := func() float64 { return float64(float32(number())) }
	for i := range v.Real {
		v.Real[i] = single()
	}
	for i := range v.Complex {
		v.Complex[i] = complex(single(), single())
	}
}

// use is what a program takes an input for.
type use struct {
	role string // the input of core/program that it is like; any other name means any numbers
	rows int    // of the smallest table that an index points into
}

func inputUses(p *program.Program, types map[string]program.Type) map[string]use {
	uses := map[string]use{}
	for _, in := range p.Inputs {
		uses[in.Name] = use{role: in.Name, rows: math.MaxInt32}
	}
	mark := func(name, role string) {
		if u, ok := uses[name]; ok {
			u.role = role
			uses[name] = u
		}
	}
	for _, op := range p.Ops {
		for i, name := range op.In {
			if role := program.Role(op.Kind, i); role != "" {
				mark(name, role)
			}
		}
		if op.Kind == program.Gather {
			if u, ok := uses[op.In[1]]; ok {
				u.rows = min(u.rows, int(types[op.In[0]].Shape[0]))
				uses[op.In[1]] = u
			}
		}
	}
	return uses
}

func (u use) draw(rng *rand.Rand, v *Value) {
	for i := range v.Index {
		v.Index[i] = int32(rng.IntN(u.rows))
	}
	switch u.role {
	case program.Counts:
		fill(v, func() float64 { return math.Floor(max(0, 10*rng.ExpFloat64()-2)) })
	case program.Mask:
		fill(v, func() float64 { return []float64{1, 1, 1, 1, 1, 1, 0, 0.5}[rng.IntN(8)] })
	case program.Offsets:
		fill(v, func() float64 { return float64(rng.IntN(41)-20) / 8 })
	case program.Background:
		fill(v, func() float64 { return 0.05 + 0.2*rng.Float64() })
	default:
		fill(v, func() float64 { return 2*rng.Float64() - 1 })
	}
}

// ClearValues draws like RandomValues, that many times, and keeps the draw with the largest Margin.
func ClearValues(p *program.Program, groups int, seed uint64, draws int) (given map[string]*Value, margin float64, err error) {
	m, err := New(p)
	if err != nil {
		return nil, 0, err
	}
	margin = -1
	for i := range uint64(max(draws, 1)) {
		next, err := RandomValues(p, groups, seed^i<<32)
		if err != nil {
			return nil, 0, err
		}
		values, err := m.Forward(groups, next)
		if err != nil {
			return nil, 0, err
		}
		if d := m.Margin(values); d > margin {
			given, margin = next, d
		}
	}
	return given, margin, nil
}

// Margin is how far the values that Forward gave are from the nearest kink: the smallest |x| at a ReLU, the smallest
// lead of a maximum in a pool, the smallest |√λ − √k| of an absolute error, the smallest root. An engine whose rounding
// is larger may decide otherwise there, and its gradient then differs without an error being there. It is +Inf without
// kinks. Kinks at values that no parameter moves, those of inputs, do not count.
func (m *Machine) Margin(values map[string]*Value) float64 {
	least := math.Inf(1)
	near := func(d float64) { least = min(least, math.Abs(d)) }
	moving := m.moving()
	for _, op := range m.Program.Ops {
		if !moving[op.In[0]] {
			continue
		}
		if kink := meanings[op.Kind].kink; kink != nil {
			in := make([]*Value, len(op.In))
			for i, name := range op.In {
				in[i] = values[name]
			}
			kink(in, values[op.Out], near)
		}
	}
	return least
}

// moving lists the values that depend on a parameter.
func (m *Machine) moving() map[string]bool {
	out := map[string]bool{}
	for _, q := range m.Program.Params {
		out[q.Name] = true
	}
	for _, op := range m.Program.Ops {
		out[op.Out] = slices.ContainsFunc(op.In, func(v string) bool { return out[v] })
	}
	return out
}
