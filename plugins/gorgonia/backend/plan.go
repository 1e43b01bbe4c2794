package backend

import (
	"fmt"
	"strings"

	G "gorgonia.org/gorgonia"

	"github.com/ptychogo/ptycho/plugins/gorgonia/kernel"
)

// planned is a Gorgonia graph whose expensive nodes are kernel.Ops, ready to run: the order of the steps, and for each result a place in
// an arena that is reused after its last reader. It is the same for the CPU and for a GPU.
type planned[T float] struct {
	steps    []step[T]
	inputs   map[string]*slot[T]
	slots    map[*G.Node]*slot[T]
	elements int // of the arena
	operands int // of the step with the most operands
}

// slot is the vector of a node: an input, or a result with a place in the arena.
type slot[T float] struct {
	node *G.Node
	size int
	at   int // in the arena
	made int // step that writes it
	last int // last step that reads it
	kept bool
}

func (s *slot[T]) isInput() bool { return s.node.Op() == nil }

type step[T float] struct {
	name string
	op   *kernel.Op[T] // nil for the sum of two gradients
	out  *slot[T]
	in   []*slot[T]
}

// newPlan plans the nodes that keep depends on.
func newPlan[T float](g *G.ExprGraph, keep ...*G.Node) (*planned[T], error) {
	m := &planned[T]{inputs: map[string]*slot[T]{}, slots: map[*G.Node]*slot[T]{}}
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
			st.name, st.op = o.Name, o
		default:
			// G.Grad adds up the gradients of a value with several readers; it creates no other operation itself.
			if !strings.HasPrefix(o.String(), "+") || len(st.in) != 2 {
				return nil, fmt.Errorf("plan: the graph has Gorgonia's operation %v, which is not supported", o)
			}
			st.name = "sum of gradients"
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

// Bytes returns the planned memory of all results.
func (m *planned[T]) Bytes() int { return m.elements * sizeOf[T]() }

// Steps returns the number of operations of a run.
func (m *planned[T]) Steps() int { return len(m.steps) }

// Inputs lists the inputs with their lengths.
func (m *planned[T]) Inputs() map[string]int {
	out := map[string]int{}
	for name, s := range m.inputs {
		out[name] = s.size
	}
	return out
}
