// Package oracle wraps core/reference as a backend: the definition of a program behind the contract. It computes in float64
// in plain loops, slowly and in full precision. Package conformance compares the other backends with it.
package oracle

import (
	"context"
	"runtime"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	meaning "github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// Backend implements backend.Backend.
type Backend struct{}

// New returns the backend.
func New() *Backend { return &Backend{} }

// Info describes the engine.
func (*Backend) Info() backend.Info {
	return backend.Info{
		Name: "reference", Version: "0.1.0", Engine: "core/reference, float64",
		ProtocolMajor: backend.ProtocolMajor, ProtocolMinor: backend.ProtocolMinor,
		Capabilities: append([]backend.Capability{backend.CanTrain, backend.CanInspect, backend.CanFloat64, backend.CanEMA}, feed.Capabilities()...),
		DTypes:       []tensor.DType{tensor.Float32, tensor.Float64},
		Operations:   program.Kinds(),
	}
}

// Devices returns the CPU.
func (*Backend) Devices(context.Context) ([]backend.Device, error) {
	return []backend.Device{{ID: "cpu", Name: runtime.GOOS + "/" + runtime.GOARCH + ", one thread", Usable: true, Cores: 1}}, nil
}

// Open validates the program. With Float32, the default, results are rounded on return; all arithmetic is float64.
func (b *Backend) Open(_ context.Context, o backend.OpenOptions) (backend.Session, error) {
	if err := feed.CheckCPU(o, b.Info()); err != nil {
		return nil, err
	}
	m, err := meaning.New(o.Program)
	if err != nil {
		return nil, backend.Errorf(backend.Invalid, "open", "%w", err)
	}
	types, err := o.Program.Types()
	if err != nil {
		return nil, backend.Errorf(backend.Invalid, "open", "%w", err)
	}
	asked := feed.Asked(o, tensor.Float64)
	for _, in := range o.Program.Inputs {
		asked.Inputs = append(asked.Inputs, in.Name) // the machine computes every value
	}
	s := &session{program: o.Program, types: types, limit: o.MemoryLimit, machine: m, Session: feed.NewSession(o.Program, asked), single: o.DType != tensor.Float64}
	if o.Progress != nil {
		o.Progress(backend.Event{Phase: "compile", Message: o.Program.Name + ", nothing to compile", Done: 1, Total: 1})
	}
	return s, nil
}

// session is an open program with its state. Calls come one at a time, except Stop.
type session struct {
	*feed.Session
	program *program.Program
	types   map[string]program.Type
	limit   int64 // bytes; 0: none
	machine *meaning.Machine
	single  bool // results are returned in float32
	state   map[backend.Slot]map[string]*meaning.Value
	steps   int64
}

var (
	_ backend.Session   = &session{}
	_ backend.Inspector = &session{}
)

// SetState replaces the state.
func (s *session) SetState(_ context.Context, st backend.State) error {
	if err := st.Check(s.program); err != nil {
		return err
	}
	fresh := map[backend.Slot]map[string]*meaning.Value{}
	for slot, arrays := range st.Slots {
		fresh[slot] = map[string]*meaning.Value{}
		for name, t := range arrays {
			v, err := meaning.FromTensor(t)
			if err != nil {
				return backend.Errorf(backend.Invalid, "set state", "%s of %s: %w", slot, name, err)
			}
			fresh[slot][name] = clone(v) // otherwise a float64 array would be shared
		}
	}
	s.state, s.steps = fresh, st.Step
	return nil
}

// State returns a copy of the state, always in float64, so that a run resumes with identical bits.
func (s *session) State(context.Context) (backend.State, error) {
	out := backend.State{Step: s.steps, Slots: map[backend.Slot]map[string]tensor.Tensor{}}
	for slot, arrays := range s.state {
		out.Slots[slot] = map[string]tensor.Tensor{}
		for name, v := range arrays {
			out.Slots[slot][name] = clone(v).Tensor()
		}
	}
	return out, nil
}

func clone(v *meaning.Value) *meaning.Value {
	c := meaning.NewValue(v.Kind, v.Shape)
	copy(c.Real, v.Real)
	copy(c.Complex, v.Complex)
	copy(c.Index, v.Index)
	return c
}

// leaving converts a value to a result in the session's precision.
func (s *session) leaving(v *meaning.Value) tensor.Tensor {
	if !s.single || v.Kind == program.Index {
		return clone(v).Tensor()
	}
	if v.Kind == program.Complex {
		out := make([]complex64, len(v.Complex))
		for i, z := range v.Complex {
			out[i] = complex64(z)
		}
		return tensor.Must(out, v.Shape...)
	}
	out := make([]float32, len(v.Real))
	for i, x := range v.Real {
		out[i] = float32(x)
	}
	return tensor.Must(out, v.Shape...)
}

// Close frees the datasets.
func (s *session) Close() error { return s.CloseAll() }
