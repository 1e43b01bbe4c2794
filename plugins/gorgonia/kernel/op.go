// Package kernel implements the operations of a program as Gorgonia operations with fused kernels.
//
// Every node of a graph is a flat vector, whatever the shape of the value: an operation is built for the concrete shapes of
// its operands. A complex value is a vector of interleaved pairs. Gorgonia provides the graph and the symbolic
// differentiation; the backend's executor runs the result.
//
// It is a package of its own because operations know nothing of sessions and programs as a whole.
package kernel

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Rule implements an operation.
type Rule[T Float] struct {
	// Forward overwrites out.
	Forward func(out []T, in [][]T)
	// Back has an entry per operand, nil where no gradient flows.
	Back []*Gradient[T]
}

// Gradient computes the gradient of one operand. It lists its inputs, so that no others are kept for it.
type Gradient[T Float] struct {
	Operands []int // that F reads
	Output   bool  // F reads the operation's result
	// F overwrites d. in holds the listed operands, in that order; out is nil unless Output is set; g is the gradient of
	// the result.
	F func(d []T, in [][]T, out, g []T)
}

// Op is an operation of a graph. It implements gorgonia's Op and SDOp.
type Op[T Float] struct {
	Name   string // unique in the graph: nodes with equal names and operands would be merged
	Sizes  []int  // lengths of the operands
	Size   int    // length of the result
	Scalar bool   // the result is a number, as a cost must be
	Rule   Rule[T]

	// An executor on a device computes the operation by its own kernels. Gradient is the operand of Call whose gradient this is, or
	// Forward. Of a gradient, the operands are those of Call that Reads lists, then the result of Call if ReadsResult is set, then the
	// gradient of the result unless Call computes the cost.
	Call        Call
	Gradient    int
	Reads       []int
	ReadsResult bool
}

// Forward is the Gradient of an operation itself.
const Forward = -1

var (
	_ G.SDOp = &Op[float32]{}
	_ G.SDOp = &Op[float64]{}
)

// Arity returns the number of operands.
func (o *Op[T]) Arity() int { return len(o.Sizes) }

// Type declares a function from vectors to a vector, or to a number.
func (o *Op[T]) Type() hm.Type {
	a := hm.TypeVariable('a')
	vector := G.TensorType{Dims: 1, Of: a}
	types := make([]hm.Type, 0, len(o.Sizes)+1)
	for range o.Sizes {
		types = append(types, vector)
	}
	if o.Scalar {
		return hm.NewFnType(append(types, a)...)
	}
	return hm.NewFnType(append(types, vector)...)
}

// InferShape checks the operands' lengths.
func (o *Op[T]) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	shapes, err := G.DimSizersToShapes(in)
	if err != nil {
		return nil, err
	}
	for i, s := range shapes {
		if i < len(o.Sizes) && s.TotalSize() != o.Sizes[i] {
			return nil, fmt.Errorf("op %s: operand %d has %d elements, want %d", o.Name, i, s.TotalSize(), o.Sizes[i])
		}
	}
	if o.Scalar {
		return tensor.ScalarShape(), nil
	}
	return tensor.Shape{o.Size}, nil
}

// Do runs the operation outside of the backend's executor, on Gorgonia's values.
func (o *Op[T]) Do(values ...G.Value) (result G.Value, err error) {
	defer func() {
		if r := recover(); r != nil { // Gorgonia's machines run operations in other goroutines
			err = fmt.Errorf("op %s: %v", o.Name, r)
		}
	}()
	in := make([][]T, len(values))
	for i, v := range values {
		switch d := v.Data().(type) {
		case []T:
			in[i] = d
		case T:
			in[i] = []T{d}
		default:
			return nil, fmt.Errorf("op %s: operand %d has the type %T", o.Name, i, d)
		}
	}
	out := make([]T, o.Size)
	o.Rule.Forward(out, in)
	if !o.Scalar {
		return tensor.New(tensor.WithShape(o.Size), tensor.WithBacking(out)), nil
	}
	switch v := any(out[0]).(type) {
	case float32:
		return G.NewF32(v), nil
	case float64:
		return G.NewF64(v), nil
	}
	return nil, fmt.Errorf("op %s: unknown precision", o.Name)
}

// ReturnsPtr returns false: with CallsExtern and OverwritesInput it states to Gorgonia that the result is new memory.
func (o *Op[T]) ReturnsPtr() bool { return false }

// CallsExtern returns false.
func (o *Op[T]) CallsExtern() bool { return false }

// OverwritesInput returns −1, for no input.
func (o *Op[T]) OverwritesInput() int { return -1 }

// WriteHash identifies the operation by its name.
func (o *Op[T]) WriteHash(h hash.Hash) { fmt.Fprint(h, o.Name) }

// Hashcode returns a hash of the name.
func (o *Op[T]) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// String returns the name.
func (o *Op[T]) String() string { return o.Name }

// DiffWRT reports for each operand whether a gradient flows to it.
func (o *Op[T]) DiffWRT(n int) []bool {
	flows := make([]bool, n)
	for i := range flows {
		flows[i] = i < len(o.Rule.Back) && o.Rule.Back[i] != nil
	}
	return flows
}

// SymDiff adds the operations that compute the gradients of the operands.
func (o *Op[T]) SymDiff(inputs G.Nodes, output, grad *G.Node) (G.Nodes, error) {
	grads := make(G.Nodes, len(inputs))
	for i := range inputs {
		if i >= len(o.Rule.Back) || o.Rule.Back[i] == nil {
			continue
		}
		b := o.Rule.Back[i]
		back := &Op[T]{Name: fmt.Sprintf("%s.gradient%d", o.Name, i), Size: o.Sizes[i], Call: o.Call, Gradient: i, Reads: b.Operands, ReadsResult: b.Output}
		var operands G.Nodes
		for _, j := range b.Operands {
			operands = append(operands, inputs[j])
			back.Sizes = append(back.Sizes, o.Sizes[j])
		}
		if b.Output {
			operands = append(operands, output)
			back.Sizes = append(back.Sizes, o.Size)
		}
		named := len(b.Operands)
		operands, back.Sizes = append(operands, grad), append(back.Sizes, o.Size)
		back.Rule.Forward = func(d []T, in [][]T) {
			var out []T
			if b.Output {
				out = in[named]
			}
			b.F(d, in[:named], out, in[len(in)-1])
		}
		if o.Scalar {
			// The gradient of a cost is the number 1, which has the wrong type for a vector operand.
			operands, back.Sizes = operands[:len(operands)-1], back.Sizes[:len(back.Sizes)-1]
			back.Rule.Forward = func(d []T, in [][]T) { b.F(d, in[:named], nil, []T{1}) }
		}
		n, err := G.ApplyOp(back, operands...)
		if err != nil {
			return nil, fmt.Errorf("op %s: gradient of operand %d: %w", o.Name, i, err)
		}
		grads[i] = n
	}
	return grads, nil
}
