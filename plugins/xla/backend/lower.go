package backend

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	G "github.com/gomlx/gomlx/core/graph"

	"github.com/ptychogo/ptycho/core/program"
)

// value holds the nodes of a value of the program.
type value struct {
	kind   program.Kind
	shape  []int   // in the program's order of axes
	re, im *G.Node // im of a complex value; re of an index holds int32
	last   bool    // re is [P, H, W, c] for a real [P, c, H, W]: the fastest layout for XLA's convolutions
}

// lowering translates a program into nodes of a GoMLX graph, for a number of groups. GoMLX differentiates the nodes. Where
// GoMLX's derivative differs from that of core/reference, or rounds too much, the node has an explicit derivative.
//
// A complex number is a pair of real nodes except inside a Fourier transform, so that the real and imaginary parts are
// differentiated as two reals: the gradient of a complex value is dL/dRe + i·dL/dIm, as in the contract.
type lowering struct {
	graph  *G.Graph
	dtype  dtypes.DType // of reals: Float32 or Float64
	wide   dtypes.DType // of sums and losses: Float64
	p      *program.Program
	types  map[string]program.Type
	groups int
	values map[string]value
}

// newLowering prepares the lowering of p for batches of the given number of groups. p must be valid.
func newLowering(graph *G.Graph, p *program.Program, groups int, dtype dtypes.DType) (*lowering, error) {
	types, err := p.Types()
	if err != nil {
		return nil, err
	}
	return &lowering{graph, dtype, dtypes.Float64, p, types, groups, map[string]value{}}, nil
}

// storedShape returns the shape in which a value is stored on the device and transferred to the host: the program's shape, and for
// a complex value a last axis of two for the real and imaginary parts.
func storedShape(t program.Type, groups int, dtype dtypes.DType) shapes.Shape {
	dims := t.Shape.At(groups)
	switch t.Kind {
	case program.Complex:
		return shapes.Make(dtype, append(dims, 2)...)
	case program.Index:
		return shapes.Make(dtypes.Int32, dims...)
	}
	return shapes.Make(dtype, dims...)
}

// Give sets an input, a parameter or a buffer to a stored node.
func (l *lowering) Give(name string, n *G.Node) {
	t := l.types[name]
	v := value{kind: t.Kind, shape: t.Shape.At(l.groups), re: n}
	if t.Kind == program.Complex {
		last := n.Rank() - 1
		v.re = G.Reshape(G.SliceAxis(n, last, G.AxisElem(0)), v.shape...)
		v.im = G.Reshape(G.SliceAxis(n, last, G.AxisElem(1)), v.shape...)
	}
	l.values[name] = v
}

// Run lowers the named values and what they depend on. All inputs, parameters and buffers that they read must have been set
// by Give.
func (l *lowering) Run(names ...string) error {
	for _, i := range l.p.Needed(names...) {
		o := l.p.Ops[i]
		if _, done := l.values[o.Out]; done {
			continue
		}
		c := call{lowering: l, op: o, out: l.types[o.Out].Shape.At(l.groups)}
		for _, name := range o.In {
			v, ok := l.values[name]
			if !ok {
				return fmt.Errorf("lower: %s: operand %s is missing", o.Out, name)
			}
			c.in = append(c.in, v)
		}
		rule, ok := rules[o.Kind]
		if !ok {
			return fmt.Errorf("lower: %s: unknown operation %s", o.Out, o.Kind)
		}
		v, err := c.apply(rule)
		if err != nil {
			return err
		}
		if len(program.Differentiable(o.Kind, len(o.In))) == 0 {
			v = v.each(G.StopGradient)
		}
		v.kind, v.shape = l.types[o.Out].Kind, c.out
		l.values[o.Out] = v
	}
	return nil
}

// Stored returns a value as a stored node.
func (l *lowering) Stored(name string) *G.Node {
	v := l.values[name]
	if v.kind == program.Complex {
		return G.Stack([]*G.Node{v.re, v.im}, v.re.Rank())
	}
	return v.rows()
}

// loweredKinds lists the operations that can be lowered, sorted by name.
func loweredKinds() []program.OpKind {
	var out []program.OpKind
	for k := range rules {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// call is one operation with its operands.
type call struct {
	*lowering
	op  program.Op
	in  []value
	out []int // shape of the result
}

// rule lowers an operation. It may panic, because GoMLX reports errors of a graph as panics.
type rule func(c call) value

// apply runs a rule and returns a panic as an error that names the operation.
func (c call) apply(r rule) (v value, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("lower: %s = %s(…): %v", c.op.Out, c.op.Kind, r)
		}
	}()
	return r(c), nil
}

// rows returns the real node in the program's order of axes.
func (v value) rows() *G.Node {
	if v.last {
		return G.TransposeAllAxes(v.re, 0, 3, 1, 2)
	}
	return v.re
}

// channelsLast returns the node of a real [P, c, H, W] as [P, H, W, c].
func (v value) channelsLast() *G.Node {
	if v.last {
		return v.re
	}
	return G.TransposeAllAxes(v.re, 0, 2, 3, 1)
}

// like returns a value of a real node whose order of axes is that of v.
func (v value) like(n *G.Node) value { return value{re: n, last: v.last} }

// each applies f to the real node, or to both nodes of a complex value.
func (v value) each(f func(*G.Node) *G.Node) value {
	out := value{re: f(v.re), last: v.last}
	if v.im != nil {
		out.im = f(v.im)
	}
	return out
}

// logical returns v in the program's order of axes.
func (v value) logical() value {
	if v.last {
		v.re, v.last = v.rows(), false
	}
	return v
}

// imageAxes returns the axes of rows and columns in the nodes.
func (v value) imageAxes() (row, col int) {
	if v.last {
		return 1, 2
	}
	r := v.re.Rank()
	return r - 2, r - 1
}

// scalar returns a constant of the node's type.
func scalar(n *G.Node, x float64) *G.Node { return G.Scalar(n.Graph(), n.DType(), x) }

// withDerivative returns y, an element-wise function of x, with the derivative dy/dx instead of GoMLX's. It adds x − x, which
// is zero and has the derivative one, times dy/dx.
func withDerivative(x, y, dydx *G.Node) *G.Node {
	return G.Add(G.StopGradient(y), G.Mul(G.Sub(x, G.StopGradient(x)), G.StopGradient(dydx)))
}

// ones appends n axes of extent 1.
func ones(n *G.Node, count int) *G.Node {
	dims := slices.Clone(n.Shape().Dimensions)
	for range count {
		dims = append(dims, 1)
	}
	return G.Reshape(n, dims...)
}
