// Package reference defines the meaning of a program: every operation in float64, forward and gradient, in plain loops. It
// is slow, short and easy to verify, and every engine is compared with it. The formulas of the physics are in core/physics.
package reference

import (
	"fmt"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// Value is an array of float64, complex128 or int32, row-major. Kind selects the one slice that is used.
type Value struct {
	Kind    program.Kind
	Shape   []int
	Real    []float64
	Complex []complex128
	Index   []int32
}

// NewValue returns an array of zeros, row-major. Only the slice of its kind is set. The shape is kept, not copied.
func NewValue(k program.Kind, shape []int) *Value {
	v := &Value{Kind: k, Shape: shape}
	n := program.Count(shape)
	switch k {
	case program.Real:
		v.Real = make([]float64, n)
	case program.Complex:
		v.Complex = make([]complex128, n)
	default:
		v.Index = make([]int32, n)
	}
	return v
}

// FromTensor converts any tensor of numbers.
func FromTensor(t tensor.Tensor) (*Value, error) {
	var v *Value
	switch t.DType() {
	case tensor.Float32:
		v = widen[float32](t)
	case tensor.Float64:
		v = widen[float64](t)
	case tensor.Uint16:
		v = widen[uint16](t)
	case tensor.Uint8:
		v = widen[uint8](t)
	case tensor.Complex64:
		s, _ := tensor.Data[complex64](t)
		v = NewValue(program.Complex, t.Shape())
		for i, z := range s {
			v.Complex[i] = complex128(z)
		}
	case tensor.Complex128:
		s, _ := tensor.Data[complex128](t)
		v = &Value{Kind: program.Complex, Shape: t.Shape(), Complex: s}
	case tensor.Int32:
		s, _ := tensor.Data[int32](t)
		v = &Value{Kind: program.Index, Shape: t.Shape(), Index: s}
	default:
		return nil, fmt.Errorf("reference: unsupported tensor %v", t)
	}
	return v, nil
}

func widen[T float32 | float64 | uint16 | uint8](t tensor.Tensor) *Value {
	s, _ := tensor.Data[T](t)
	v := NewValue(program.Real, t.Shape())
	for i, x := range s {
		v.Real[i] = float64(x)
	}
	return v
}

// Tensor returns a tensor of float64, complex128 or int32 that shares the data of v.
func (v *Value) Tensor() tensor.Tensor {
	switch v.Kind {
	case program.Real:
		return tensor.Must(v.Real, v.Shape...)
	case program.Complex:
		return tensor.Must(v.Complex, v.Shape...)
	}
	return tensor.Must(v.Index, v.Shape...)
}

// Machine runs a program.
type Machine struct {
	Program *program.Program
	types   map[string]program.Type
}

// New validates a program and returns a machine for it.
func New(p *program.Program) (*Machine, error) {
	types, err := p.Types()
	if err != nil {
		return nil, err
	}
	return &Machine{p, types}, nil
}

// Forward computes every value of the program. given holds the inputs for the given number of groups, the parameters and
// the buffers by name; it is not changed. Inputs that no operation reads may be missing.
func (m *Machine) Forward(groups int, given map[string]*Value) (map[string]*Value, error) {
	values := map[string]*Value{}
	for name, v := range given {
		t, ok := m.types[name]
		if !ok {
			return nil, fmt.Errorf("reference: %s is not an input, parameter or buffer of program %s", name, m.Program.Name)
		}
		if want := t.Shape.At(groups); v.Kind != t.Kind || fmt.Sprint(v.Shape) != fmt.Sprint(want) {
			return nil, fmt.Errorf("reference: %s is %s %v, want %s %v", name, v.Kind, v.Shape, t.Kind, want)
		}
		values[name] = v
	}
	for _, op := range m.Program.Ops {
		in := make([]*Value, len(op.In))
		for i, name := range op.In {
			if in[i] = values[name]; in[i] == nil {
				return nil, fmt.Errorf("reference: %s is missing", name)
			}
		}
		if err := checkIndex(op, in); err != nil {
			return nil, err
		}
		t := m.types[op.Out]
		out := NewValue(t.Kind, t.Shape.At(groups))
		meanings[op.Kind].forward(op, in, out)
		values[op.Out] = out
	}
	return values, nil
}

// checkIndex returns an error for rows outside of the table.
func checkIndex(op program.Op, in []*Value) error {
	if op.Kind != program.Gather {
		return nil
	}
	for i, row := range in[1].Index {
		if row < 0 || int(row) >= in[0].Shape[0] {
			return fmt.Errorf("reference: entry %d of %s refers to row %d of %s, which has %d rows", i, op.In[1], row, op.In[0], in[0].Shape[0])
		}
	}
	return nil
}

// Backward propagates gradients. values is the result of Forward. seeds holds dL/dvalue for some values, complex ones as
// dL/dRe + i·dL/dIm. The result has the gradient of every value that is connected to a seed by differentiable operations.
func (m *Machine) Backward(values, seeds map[string]*Value) map[string]*Value {
	grads := map[string]*Value{}
	grad := func(name string) *Value {
		if grads[name] == nil {
			grads[name] = NewValue(values[name].Kind, values[name].Shape)
		}
		return grads[name]
	}
	for name, s := range seeds {
		accumulate(grad(name), s)
	}
	for i := len(m.Program.Ops) - 1; i >= 0; i-- {
		op := m.Program.Ops[i]
		g := grads[op.Out]
		flows := program.Differentiable(op.Kind, len(op.In))
		if g == nil || len(flows) == 0 {
			continue
		}
		in, din := make([]*Value, len(op.In)), make([]*Value, len(op.In))
		for j, name := range op.In {
			in[j] = values[name]
		}
		for _, j := range flows {
			if in[j].Kind != program.Index {
				din[j] = grad(op.In[j])
			}
		}
		meanings[op.Kind].backward(op, in, values[op.Out], g, din)
	}
	return grads
}

func accumulate(dst, src *Value) {
	for i, v := range src.Real {
		dst.Real[i] += v
	}
	for i, v := range src.Complex {
		dst.Complex[i] += v
	}
}

// meaning implements one operation. backward adds to din[j], which is nil for inputs without a gradient.
type meaning struct {
	forward  func(op program.Op, in []*Value, out *Value)
	backward func(op program.Op, in []*Value, out, g *Value, din []*Value)
	kink     func(in []*Value, out *Value, near func(distance float64)) // reports the distance of elements to the nearest jump of the gradient; nil: it has none
}

// kinked returns m with a kink.
func kinked(m meaning, kink func(in []*Value, out *Value, near func(distance float64))) meaning {
	m.kink = kink
	return m
}

// LossSeeds returns the loss of backend.Step for values and its derivative with respect to the scalars:
//
//	Σ_l weights[l]·Σ_patterns w·scalar_l / normaliser
//
// w [B·C] holds the weights of the patterns, nil for 1. A normaliser of 0 means Σw.
func (m *Machine) LossSeeds(values map[string]*Value, weights map[string]float64, w []float32, normaliser float64) (float64, map[string]*Value) {
	loss, seeds := 0.0, map[string]*Value{}
	for _, s := range m.Program.Scalars {
		lw := weights[s.Name]
		if !s.Loss || lw == 0 {
			continue
		}
		v := values[s.Value]
		norm := normaliser
		if norm == 0 {
			for i := range v.Real {
				norm += patternWeight(w, i)
			}
		}
		seed := NewValue(program.Real, v.Shape)
		for i, x := range v.Real {
			if pw := patternWeight(w, i); pw != 0 { // padding may hold anything
				seed.Real[i] = lw * pw / norm
				loss += seed.Real[i] * x
			}
		}
		if seeds[s.Value] == nil {
			seeds[s.Value] = seed
		} else {
			accumulate(seeds[s.Value], seed)
		}
	}
	return loss, seeds
}

func patternWeight(w []float32, i int) float64 {
	if w == nil {
		return 1
	}
	return float64(w[i])
}
