// Package exec runs a Gorgonia graph whose heavy nodes are op.Ops. It plans once: the order of the steps, and for each
// result a place in an arena that is reused when its last reader has run. Running allocates nothing and gives the same
// bits every time, which Gorgonia's own machines do not.
package exec

import (
	"context"
	"fmt"
	"strings"

	G "gorgonia.org/gorgonia"

	"github.com/ptychogo/ptycho/plugins/gorgonia/op"
	"github.com/ptychogo/ptycho/plugins/gorgonia/pool"
)

// Arena is the memory of results. Machines that share one must not run at the same time, and what a machine keeps is
// there until another one runs.
type Arena[T pool.Float] struct {
	data []T
	args [][]T // operands of the running step
}

// Bytes is the memory that the arena holds.
func (a *Arena[T]) Bytes() int { return len(a.data) * sizeOf[T]() }

func (a *Arena[T]) reserve(elements, operands int) {
	if elements > len(a.data) {
		a.data = nil // may be collected before the larger one is there
		a.data = make([]T, elements)
	}
	if operands > len(a.args) {
		a.args = make([][]T, operands)
	}
}

// Machine is a planned graph. It implements gorgonia.VM.
type Machine[T pool.Float] struct {
	pool     *pool.Pool
	arena    *Arena[T]
	steps    []step[T]
	inputs   map[string]*slot[T]
	slots    map[*G.Node]*slot[T]
	elements int // of the arena
	operands int // of the step that has the most
}

var _ G.VM = &Machine[float32]{}

// slot is where the vector of a node lies: for an input in data, for a result in the arena.
type slot[T pool.Float] struct {
	node *G.Node
	size int
	at   int // in the arena
	data []T // of an input
	made int // step that writes it
	last int // step that reads it last
	kept bool
}

func (s *slot[T]) isInput() bool { return s.node.Op() == nil }

func (s *slot[T]) view(a *Arena[T]) []T {
	if s.isInput() {
		return s.data
	}
	return a.data[s.at : s.at+s.size : s.at+s.size]
}

type step[T pool.Float] struct {
	name string
	run  func(out []T, in [][]T)
	out  *slot[T]
	in   []*slot[T]
}

// New plans the nodes that keep depends on. The values of keep stay readable after a run; all others share memory.
func New[T pool.Float](p *pool.Pool, a *Arena[T], g *G.ExprGraph, keep ...*G.Node) (*Machine[T], error) {
	m := &Machine[T]{pool: p, arena: a, inputs: map[string]*slot[T]{}, slots: map[*G.Node]*slot[T]{}}
	for _, n := range ancestors(g, keep) {
		s := &slot[T]{node: n, size: max(n.Shape().TotalSize(), 1), made: len(m.steps), last: len(m.steps)}
		m.slots[n] = s
		if s.isInput() {
			m.inputs[n.Name()] = s
			continue
		}
		st := step[T]{out: s}
		for _, c := range children(g, n) {
			in, ok := m.slots[c]
			if !ok {
				return nil, fmt.Errorf("exec: %s is not made before %s reads it", c.Name(), n.Name())
			}
			in.last = len(m.steps)
			st.in = append(st.in, in)
		}
		switch o := n.Op().(type) {
		case *op.Op[T]:
			st.name, st.run = o.Name, o.Rule.Forward
		default:
			// G.Grad adds up the gradients of a value with several readers; it makes no other operation of its own.
			if !strings.HasPrefix(o.String(), "+") || len(st.in) != 2 {
				return nil, fmt.Errorf("exec: the graph holds Gorgonia's operation %v, which is not planned", o)
			}
			st.name, st.run = "sum of gradients", m.sum
		}
		m.operands = max(m.operands, len(st.in))
		m.steps = append(m.steps, st)
	}
	for _, k := range keep {
		m.slots[k].kept = true
	}
	m.elements = pack(m.steps)
	return m, nil
}

// grain is how many elements one worker adds up at a time.
const grain = 1 << 14

func (m *Machine[T]) sum(out []T, in [][]T) {
	m.pool.Run((len(out)+grain-1)/grain, func(i int) {
		o := out[i*grain : min((i+1)*grain, len(out))]
		a, b := in[0][i*grain:][:len(o)], in[1][i*grain:][:len(o)]
		for j := range o {
			o[j] = a[j] + b[j]
		}
	})
}

// Bytes is the planned memory of all results.
func (m *Machine[T]) Bytes() int { return m.elements * sizeOf[T]() }

// Steps is the number of operations of a run.
func (m *Machine[T]) Steps() int { return len(m.steps) }

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

// Value is the vector of a node that was kept, or of an input, until a machine of the same arena runs.
func (m *Machine[T]) Value(n *G.Node) []T { return m.slots[n].view(m.arena) }

// Run computes everything. It looks at the context between steps.
func (m *Machine[T]) Run(ctx context.Context) (err error) {
	for name, s := range m.inputs {
		if s.data == nil {
			return fmt.Errorf("exec: input %q was not set", name)
		}
	}
	m.arena.reserve(m.elements, m.operands)
	at := ""
	defer func() {
		clear(m.arena.args)
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
		args := m.arena.args[:len(st.in)]
		for j, in := range st.in {
			args[j] = in.view(m.arena)
		}
		st.run(st.out.view(m.arena), args)
	}
	return nil
}

// RunAll runs with the values that gorgonia.Let gave to the inputs where Set did not.
func (m *Machine[T]) RunAll() error {
	for name, s := range m.inputs {
		if s.data != nil || s.node.Value() == nil {
			continue
		}
		data, ok := s.node.Value().Data().([]T)
		if !ok {
			return fmt.Errorf("exec: input %q holds %T", name, s.node.Value().Data())
		}
		if err := m.Set(name, data); err != nil {
			return err
		}
	}
	return m.Run(context.Background())
}

// Reset does nothing: every run starts afresh.
func (m *Machine[T]) Reset() {}

// Close does nothing: a machine holds nothing but memory.
func (m *Machine[T]) Close() error { return nil }
