package backend

import (
	"context"
	"fmt"
	"strings"

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

// executor runs a Gorgonia graph whose expensive nodes are kernel.Ops. It plans once: the order of the steps, and for each
// result a place in an arena that is reused after its last reader. Running allocates nothing and gives the same bits every
// time, unlike Gorgonia's own machines.
type executor[T float] struct {
	pool     *kernel.Pool
	arena    *arena[T]
	steps    []step[T]
	inputs   map[string]*slot[T]
	slots    map[*G.Node]*slot[T]
	elements int // of the arena
	operands int // of the step with the most operands
}

// slot is the location of the vector of a node: in data for an input, in the arena for a result.
type slot[T float] struct {
	node *G.Node
	size int
	at   int // in the arena
	data []T // of an input
	made int // step that writes it
	last int // last step that reads it
	kept bool
}

func (s *slot[T]) isInput() bool { return s.node.Op() == nil }

func (s *slot[T]) view(a *arena[T]) []T {
	if s.isInput() {
		return s.data
	}
	return a.data[s.at : s.at+s.size : s.at+s.size]
}

type step[T float] struct {
	name string
	run  func(out []T, in [][]T)
	out  *slot[T]
	in   []*slot[T]
}

// newExecutor plans the nodes that keep depends on. The values of keep stay readable after a run; all others share memory.
func newExecutor[T float](p *kernel.Pool, a *arena[T], g *G.ExprGraph, keep ...*G.Node) (*executor[T], error) {
	m := &executor[T]{pool: p, arena: a, inputs: map[string]*slot[T]{}, slots: map[*G.Node]*slot[T]{}}
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
				return nil, fmt.Errorf("plan: %s is not computed before %s reads it", c.Name(), n.Name())
			}
			in.last = len(m.steps)
			st.in = append(st.in, in)
		}
		switch o := n.Op().(type) {
		case *kernel.Op[T]:
			st.name, st.run = o.Name, o.Rule.Forward
		default:
			// G.Grad adds up the gradients of a value with several readers; it creates no other operation itself.
			if !strings.HasPrefix(o.String(), "+") || len(st.in) != 2 {
				return nil, fmt.Errorf("plan: the graph has Gorgonia's operation %v, which is not supported", o)
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

// Bytes returns the planned memory of all results.
func (m *executor[T]) Bytes() int { return m.elements * sizeOf[T]() }

// Steps returns the number of operations of a run.
func (m *executor[T]) Steps() int { return len(m.steps) }

// Inputs lists the inputs with their lengths.
func (m *executor[T]) Inputs() map[string]int {
	out := map[string]int{}
	for name, s := range m.inputs {
		out[name] = s.size
	}
	return out
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
	s.data = data
	return nil
}

// Value returns the vector of a kept node, or of an input. It is valid until a machine of the same arena runs.
func (m *executor[T]) Value(n *G.Node) []T { return m.slots[n].view(m.arena) }

// Run computes everything. It checks the context between steps.
func (m *executor[T]) Run(ctx context.Context) (err error) {
	for name, s := range m.inputs {
		if s.data == nil {
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
			args[j] = in.view(m.arena)
		}
		st.run(st.out.view(m.arena), args)
	}
	return nil
}
