package backend

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	_ "go4.org/unsafe/assume-no-moving-gc" // pinned in go.mod: the version that Gorgonia selects panics on newer Go

	"github.com/ptychogo/ptycho/core/program"
	core "github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/gorgonia/kernel"
)

// The names of the inputs that a graph has in addition to the program's.
const (
	patternWeight = "\x00pattern weight" // [groups·C]
	seedPrefix    = "\x00seed "          // + scalar, [1]
)

// seed returns the name of the input with the factor of a scalar in the cost.
func seed(scalar string) string { return seedPrefix + scalar }

// request lists the values and gradients that a graph must compute.
type request struct {
	Groups int
	Values []string // values of the program that must be readable after a run
	Losses []string // scalars in the cost; empty: no gradients
	Params []string // parameters whose gradients are needed
}

// graph is a lowered program.
type graph struct {
	Expr   *G.ExprGraph
	Values map[string]*G.Node // the requested values
	Grads  map[string]*G.Node // the requested gradients; a parameter that the cost does not depend on is missing
	Types  map[string]kernel.Operand
}

// errTooLarge means that a value has more elements than a machine can hold.
var errTooLarge = errors.New("too large")

// building guards the construction of graphs, which is not safe for concurrent use in Gorgonia.
var building sync.Mutex

// lower turns a program into a Gorgonia graph for a number of groups, with the gradients that G.Grad derives.
func lower[T float](env *kernel.Env[T], p *program.Program, r request) (g *graph, err error) {
	building.Lock()
	defer building.Unlock()
	defer func() {
		if r := recover(); r != nil { // Gorgonia panics on unexpected input
			g, err = nil, fmt.Errorf("lower: program %s: %v", p.Name, r)
		}
	}()
	types, err := p.Types()
	if err != nil {
		return nil, err
	}
	b := builder[T]{env: env, p: p, g: G.NewGraph(), out: &graph{Values: map[string]*G.Node{}, Grads: map[string]*G.Node{}, Types: map[string]kernel.Operand{}}, nodes: map[string]*G.Node{}}
	b.out.Expr = b.g
	for name, t := range types {
		shape := t.Shape.At(r.Groups)
		if _, err := core.Count(shape); err != nil {
			return nil, fmt.Errorf("lower: %s of shape %v for %d groups is %w", name, t.Shape, r.Groups, errTooLarge)
		}
		b.out.Types[name] = kernel.Operand{Kind: t.Kind, Shape: shape}
	}
	want := slices.Clone(r.Values)
	scalars := map[string]string{}
	for _, s := range p.Scalars {
		scalars[s.Name] = s.Value
	}
	for _, l := range r.Losses {
		if _, ok := scalars[l]; !ok {
			return nil, fmt.Errorf("lower: program %s does not have the scalar %s", p.Name, l)
		}
		want = append(want, scalars[l])
	}
	if err := b.operations(p.Needed(want...), want); err != nil {
		return nil, err
	}
	for _, v := range r.Values {
		if b.out.Values[v], err = b.node(v); err != nil {
			return nil, err
		}
	}
	if len(r.Losses) == 0 {
		return b.out, nil
	}
	return b.out, b.gradients(r, scalars)
}

type builder[T float] struct {
	env   *kernel.Env[T]
	p     *program.Program
	g     *G.ExprGraph
	out   *graph
	nodes map[string]*G.Node
}

// node returns the node of a value. Nodes of inputs, parameters and buffers are created on first use.
func (b *builder[T]) node(name string) (*G.Node, error) {
	if n, ok := b.nodes[name]; ok {
		return n, nil
	}
	t, ok := b.out.Types[name]
	if !ok {
		return nil, fmt.Errorf("lower: program %s does not have the value %s", b.p.Name, name)
	}
	n := b.input(name, t.Size())
	b.nodes[name] = n
	return n, nil
}

func (b *builder[T]) input(name string, size int) *G.Node {
	var z T
	dt := tensor.Float64
	if _, ok := any(z).(float32); ok {
		dt = tensor.Float32
	}
	return G.NewVector(b.g, dt, G.WithName(name), G.WithShape(size))
}

// operations lowers the needed operations of the program. A ReLU that is the only reader of a convolution is fused with it.
func (b *builder[T]) operations(needed []int, kept []string) error {
	readers := map[string]int{}
	for _, i := range needed {
		for _, v := range b.p.Ops[i].In {
			readers[v]++
		}
	}
	for _, v := range kept {
		readers[v]++
	}
	fused := map[string]string{} // convolution -> its ReLU
	for _, i := range needed {
		if o := b.p.Ops[i]; o.Kind == program.ReLU && readers[o.In[0]] == 1 {
			fused[o.In[0]] = o.Out
		}
	}
	for _, i := range needed {
		o := b.p.Ops[i]
		if _, done := b.nodes[o.Out]; done {
			continue // a ReLU that was fused with its convolution
		}
		if o.Kind == program.Reshape {
			n, err := b.node(o.In[0])
			if err != nil {
				return err
			}
			b.nodes[o.Out] = n
			continue
		}
		call := kernel.Call{Op: o, Out: b.out.Types[o.Out], ReLU: o.Kind == program.Conv2D && fused[o.Out] != ""}
		operands := make(G.Nodes, len(o.In))
		low := &kernel.Op[T]{Name: fmt.Sprintf("%s %s", o.Kind, o.Out), Size: call.Out.Size(), Gradient: kernel.Forward}
		for j, name := range o.In {
			n, err := b.node(name)
			if err != nil {
				return err
			}
			operands[j] = n
			call.In = append(call.In, b.out.Types[name])
			low.Sizes = append(low.Sizes, b.out.Types[name].Size())
		}
		rule, err := b.env.Build(call)
		if err != nil {
			return err
		}
		low.Rule, low.Call = rule, call
		n, err := G.ApplyOp(low, operands...)
		if err != nil {
			return fmt.Errorf("lower: %s: %w", o.Out, err)
		}
		b.nodes[o.Out] = n
		if call.ReLU {
			b.nodes[fused[o.Out]] = n
		}
	}
	return nil
}

// gradients adds the cost and its derivatives. G.Grad is called once per graph.
func (b *builder[T]) gradients(r request, scalars map[string]string) error {
	patterns := r.Groups * b.p.Group
	operands := make(G.Nodes, 0, 2*len(r.Losses)+1)
	for _, l := range r.Losses {
		operands = append(operands, b.nodes[scalars[l]])
	}
	operands = append(operands, b.input(patternWeight, patterns))
	for _, l := range r.Losses {
		operands = append(operands, b.input(seed(l), 1))
	}
	cost, err := G.ApplyOp(kernel.Total[T](len(r.Losses), patterns), operands...)
	if err != nil {
		return fmt.Errorf("lower: cost: %w", err)
	}
	reached := b.p.Reached(b.p.LossValues(r.Losses...)...)
	var params G.Nodes
	var names []string
	for _, name := range r.Params {
		if n, ok := b.nodes[name]; ok && reached[name] {
			params, names = append(params, n), append(names, name)
		}
	}
	if len(params) == 0 {
		return nil
	}
	grads, err := G.Grad(cost, params...)
	if err != nil {
		return fmt.Errorf("lower: gradients: %w", err)
	}
	for i, name := range names {
		b.out.Grads[name] = grads[i]
	}
	return nil
}
