// Package exec runs a Gorgonia graph whose heavy nodes are op.Ops. It plans once: the order of the steps, and for each
// result a buffer that is reused when its last reader has run. Running allocates nothing and gives the same bits every
// time, which Gorgonia's own machines do not.
package exec

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	G "gorgonia.org/gorgonia"

	"github.com/ptychogo/ptycho/plugins/gorgonia/op"
	"github.com/ptychogo/ptycho/plugins/gorgonia/pool"
)

// Machine is a planned graph.
type Machine[T pool.Float] struct {
	steps  []step[T]
	inputs map[string]*slot[T]
	slots  map[*G.Node]*slot[T]
	bytes  int
}

// slot is where the vector of a node lies while it lives.
type slot[T pool.Float] struct {
	size int
	data []T
}

type step[T pool.Float] struct {
	name string
	run  func(out []T, in [][]T)
	out  *slot[T]
	in   []*slot[T]
	args [][]T // scratch for run
}

// New plans the nodes that keep depends on. The values of keep stay readable after a run; all others share memory.
func New[T pool.Float](g *G.ExprGraph, keep ...*G.Node) (*Machine[T], error) {
	m := &Machine[T]{inputs: map[string]*slot[T]{}, slots: map[*G.Node]*slot[T]{}}
	order := ancestors(g, keep)
	last := map[*slot[T]]int{}
	for _, n := range order {
		size := max(n.Shape().TotalSize(), 1)
		s := &slot[T]{size: size}
		m.slots[n] = s
		if n.Op() == nil {
			m.inputs[n.Name()] = s
			continue
		}
		st := step[T]{name: n.Name(), out: s}
		for _, c := range children(g, n) {
			in, ok := m.slots[c]
			if !ok {
				return nil, fmt.Errorf("exec: %s is not made before %s reads it", c.Name(), n.Name())
			}
			st.in = append(st.in, in)
			last[in] = len(m.steps)
		}
		switch o := n.Op().(type) {
		case *op.Op[T]:
			st.name, st.run = o.Name, o.Rule.Forward
		default:
			// G.Grad adds up the gradients of a value with several readers; it makes no other operation of its own.
			if !strings.HasPrefix(o.String(), "+") || len(st.in) != 2 {
				return nil, fmt.Errorf("exec: the graph holds Gorgonia's operation %v, which is not planned", o)
			}
			st.name, st.run = "sum", sum[T]
		}
		st.args = make([][]T, len(st.in))
		m.steps = append(m.steps, st)
	}
	pinned := map[*slot[T]]bool{}
	for _, k := range keep {
		pinned[m.slots[k]] = true
	}
	m.place(last, pinned)
	return m, nil
}

func sum[T pool.Float](out []T, in [][]T) {
	a, b := in[0][:len(out)], in[1][:len(out)]
	for i := range out {
		out[i] = a[i] + b[i]
	}
}

// ancestors lists what keep depends on in the order of creation, which is an order of computation: a node's operands
// were there before it, and a gradient is asked for as soon as what it needs is there.
func ancestors(g *G.ExprGraph, keep []*G.Node) []*G.Node {
	seen := map[*G.Node]bool{}
	var order []*G.Node
	var visit func(n *G.Node)
	visit = func(n *G.Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		order = append(order, n)
		for _, c := range children(g, n) {
			visit(c)
		}
	}
	for _, k := range keep {
		visit(k)
	}
	slices.SortFunc(order, func(a, b *G.Node) int { return cmp.Compare(a.ID(), b.ID()) })
	return order
}

func children(g *G.ExprGraph, n *G.Node) []*G.Node {
	var out []*G.Node
	for it := g.From(n.ID()); it.Next(); {
		out = append(out, it.Node().(*G.Node))
	}
	return out
}

// place gives every result a buffer: the smallest free one that is large enough and at most half empty.
func (m *Machine[T]) place(last map[*slot[T]]int, pinned map[*slot[T]]bool) {
	var free [][]T
	var zero T
	for i, st := range m.steps {
		best := -1
		for j, b := range free {
			if cap(b) >= st.out.size && cap(b) <= 2*st.out.size && (best < 0 || cap(b) < cap(free[best])) {
				best = j
			}
		}
		if best >= 0 && !pinned[st.out] {
			st.out.data = free[best][:st.out.size]
			free = slices.Delete(free, best, best+1)
		} else {
			st.out.data = make([]T, st.out.size)
			m.bytes += st.out.size * sizeOf(zero)
		}
		for _, in := range st.in {
			if last[in] == i && in.data != nil && !pinned[in] && !m.isInput(in) && !m.shares(free, in) {
				free = append(free, in.data[:0:cap(in.data)])
			}
		}
	}
}

func sizeOf[T pool.Float](z T) int {
	if _, ok := any(z).(float32); ok {
		return 4
	}
	return 8
}

func (m *Machine[T]) isInput(s *slot[T]) bool {
	for _, in := range m.inputs {
		if in == s {
			return true
		}
	}
	return false
}

// shares says whether the slot's buffer is already free: an operation may read the same value twice.
func (m *Machine[T]) shares(free [][]T, s *slot[T]) bool {
	for _, b := range free {
		if &b[:1][0] == &s.data[0] {
			return true
		}
	}
	return false
}

// Bytes is the planned memory of all results.
func (m *Machine[T]) Bytes() int { return m.bytes }

// Inputs lists the inputs with their lengths.
func (m *Machine[T]) Inputs() map[string]int {
	out := map[string]int{}
	for name, s := range m.inputs {
		out[name] = s.size
	}
	return out
}

// Set binds an input to data, which is read at every Run. Inputs that the graph does not need are ignored.
func (m *Machine[T]) Set(name string, data []T) error {
	s, ok := m.inputs[name]
	if !ok {
		return nil
	}
	if len(data) != s.size {
		return fmt.Errorf("exec: input %s has %d elements, want %d", name, len(data), s.size)
	}
	s.data = data
	return nil
}

// Value is the vector of a node that was kept, or of an input.
func (m *Machine[T]) Value(n *G.Node) []T { return m.slots[n].data }

// Run computes everything. It looks at the context between steps.
func (m *Machine[T]) Run(ctx context.Context) (err error) {
	for name, s := range m.inputs {
		if s.data == nil {
			return fmt.Errorf("exec: input %s was not set", name)
		}
	}
	at := ""
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("exec: %s: %v", at, r)
		}
	}()
	for i := range m.steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		st := &m.steps[i]
		at = st.name
		for j, in := range st.in {
			st.args[j] = in.data
		}
		st.run(st.out.data, st.args)
	}
	return nil
}
