package reference

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/ptychogo/ptycho/core/program"
)

// RandomValues draws all inputs of a program for the given number of groups, its parameters and its buffers, as arguments
// of Forward. All numbers are exact in float32. The distribution of an input depends on the operations that read it: counts
// are photons, a fifth of them 0; masks are 1, with some bad pixels and some fractions; offsets are eighths of a pixel up
// to ±2.5; indices lie within the tables; a background is above 0. Parameters are uniform in ± the factor of their
// initialisation, except convolution weights, which are divided by the square root of their fan-in. The same seed gives the
// same numbers.
func RandomValues(p *program.Program, groups int, seed uint64) (map[string]*Value, error) {
	types, err := p.Types()
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(seed, 0x76616c756573)) // the second number selects a separate stream
	out := map[string]*Value{}
	uses := inputUses(p, types)
	for _, in := range p.Inputs {
		v := NewValue(in.Type.Kind, in.Type.Shape.At(groups))
		uses[in.Name].draw(rng, v)
		out[in.Name] = v
	}
	for _, b := range p.Buffers { // scales and means: above 0, because programs divide by them
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
			bound *= math.Sqrt(3 / float64(program.Count(q.Shape[1:]))) // for unit variance with unit inputs
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

// use describes how a program uses an input.
type use struct {
	role string // the standard input of core/program with the same role; any other name means arbitrary numbers
	rows int    // of the smallest table that the index refers to
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

// ClearValues calls RandomValues the given number of times and returns the draw with the largest Margin.
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

// Margin returns the distance of the values that Forward returned to the nearest kink: the smallest |x| at a ReLU, the
// smallest lead of a maximum in a pool, the smallest |√λ − √k| of an absolute error, the smallest root. An engine with
// larger rounding errors may decide differently there, so that its gradient differs without a bug. The distance is +Inf
// without kinks. Kinks at values that do not depend on parameters, such as inputs, are ignored.
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
