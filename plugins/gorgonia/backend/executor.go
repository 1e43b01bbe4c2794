package backend

import (
	"context"
	"fmt"

	G "gorgonia.org/gorgonia"

	"github.com/ptychogo/ptycho/plugins/gorgonia/kernel"
)

// arena is the memory for results. Machines that share an arena must not run at the same time, and the values that a
// machine keeps are valid until another one runs.
type arena[T float] struct {
	data []T
	args [][]T // operands of the running step
}

// Bytes returns the size of the arena.
func (a *arena[T]) Bytes() int { return len(a.data) * sizeOf[T]() }

func (a *arena[T]) reserve(elements, operands int) {
	if elements > len(a.data) {
		a.data = nil // so that it can be collected before the larger one is allocated
		a.data = make([]T, elements)
	}
	if operands > len(a.args) {
		a.args = make([][]T, operands)
	}
}

// executor runs a plan on the CPU. Running allocates nothing and gives the same bits every time, unlike Gorgonia's own machines.
type executor[T float] struct {
	*planned[T]
	pool  *kernel.Pool
	arena *arena[T]
	data  map[*slot[T]][]T // of inputs
}

// newExecutor plans the nodes that keep depends on. The values of keep stay readable after a run; all others share memory.
func newExecutor[T float](p *kernel.Pool, a *arena[T], g *G.ExprGraph, keep ...*G.Node) (*executor[T], error) {
	steps, err := newPlan[T](g, keep...)
	if err != nil {
		return nil, err
	}
	return &executor[T]{planned: steps, pool: p, arena: a, data: map[*slot[T]][]T{}}, nil
}

// view returns the vector of a slot.
func (m *executor[T]) view(s *slot[T]) []T {
	if s.isInput() {
		return m.data[s]
	}
	return m.arena.data[s.at : s.at+s.size : s.at+s.size]
}

// grain is the number of elements that one worker adds at a time.
const grain = 1 << 14

func (m *executor[T]) sum(out []T, in [][]T) {
	m.pool.Run((len(out)+grain-1)/grain, func(i int) {
		o := out[i*grain : min((i+1)*grain, len(out))]
		a, b := in[0][i*grain:][:len(o)], in[1][i*grain:][:len(o)]
		for j := range o {
			o[j] = a[j] + b[j]
		}
	})
}

// Set binds an input to data, which is read at every Run. Inputs that the graph does not need are ignored.
func (m *executor[T]) Set(name string, data []T) error {
	s, ok := m.inputs[name]
	if !ok {
		return nil
	}
	if len(data) != s.size {
		return fmt.Errorf("run: input %s has %d elements, want %d", name, len(data), s.size)
	}
	m.data[s] = data
	return nil
}

// Bind binds an input to a vector.
func (m *executor[T]) Bind(name string, v *vector[T]) error { return m.Set(name, v.data) }

// Gradient is Value: the CPU has every kept value.
func (m *executor[T]) Gradient(n *G.Node) ([]T, error) { return m.Value(n), nil }

func (m *executor[T]) close() error { return nil }

// Value returns the vector of a kept node, or of an input. It is valid until a machine of the same arena runs.
func (m *executor[T]) Value(n *G.Node) []T { return m.view(m.slots[n]) }

// Send and Sent are never called: the CPU does not compute beside the host.
func (m *executor[T]) Send(string, []T) error { return nil }
func (m *executor[T]) Sent()                  {}

// Run computes everything. It checks the context between steps.
func (m *executor[T]) Run(ctx context.Context, _ func() error) (err error) {
	for name, s := range m.inputs {
		if m.data[s] == nil {
			return fmt.Errorf("run: input %q was not set", name)
		}
	}
	m.arena.reserve(m.elements, m.operands)
	at := ""
	defer func() {
		clear(m.arena.args)
		if r := recover(); r != nil {
			err = fmt.Errorf("run: %s: %v", at, r)
		}
	}()
	for i := range m.steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		st := &m.steps[i]
		at = st.name
		args := m.arena.args[:len(st.in)]
		for j, in := range st.in {
			args[j] = m.view(in)
		}
		if st.op == nil {
			m.sum(m.view(st.out), args)
			continue
		}
		st.op.Rule.Forward(m.view(st.out), args)
	}
	return nil
}
