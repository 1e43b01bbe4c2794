package backend

import (
	"context"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
)

// part is the slot's part of the arrays on the device.
func part(slot backend.Slot, name string) engine.Array {
	return engine.Array{Part: string(slot), Name: name}
}

// SetState replaces the state.
func (s *session) SetState(_ context.Context, st backend.State) error {
	if err := st.Check(s.program); err != nil {
		return err
	}
	fresh := buffers{}
	for slot, arrays := range st.Slots {
		for name, t := range arrays {
			b, err := s.upload(t, s.stored(name, 1))
			if err != nil {
				for _, b := range fresh {
					engine.Free(b)
				}
				return err
			}
			fresh[part(slot, name)] = b
		}
	}
	s.forget()
	s.state, s.steps = fresh, st.Step
	return nil
}

// State copies the state out.
func (s *session) State(context.Context) (backend.State, error) {
	out := backend.State{Step: s.steps, Slots: map[backend.Slot]map[string]tensor.Tensor{}}
	for a, b := range s.state {
		t, err := s.download(b, a.Name, 1)
		if err != nil {
			return out, err
		}
		slot := backend.Slot(a.Part)
		if out.Slots[slot] == nil {
			out.Slots[slot] = map[string]tensor.Tensor{}
		}
		out.Slots[slot][a.Name] = t
	}
	return out, nil
}

// ready refuses to compute without weights.
func (s *session) ready() error {
	if s.state == nil {
		return backend.Errorf(backend.Invalid, "compute", "the session has no weights yet")
	}
	return nil
}

// moment makes sure that a slot of a parameter exists: zeros where there is none yet.
func (s *session) moment(slot backend.Slot, name string) error {
	if s.state[part(slot, name)] != nil {
		return nil
	}
	t := s.types[name]
	zeros, err := tensor.Zeros(s.element(t.Kind), t.Shape.At(1)...)
	if err != nil {
		return backend.Errorf(backend.Internal, "step", "%w", err)
	}
	return s.place(part(slot, name), zeros)
}

// place uploads an array of the state. Where that fails the state is as it was.
func (s *session) place(a engine.Array, t tensor.Tensor) error {
	b, err := s.upload(t, s.stored(a.Name, 1))
	if err == nil {
		s.state[a] = b
	}
	return err
}

// average makes sure that the moving average of a parameter exists: it starts at the weights before the first step.
func (s *session) average(name string) error {
	if s.state[part(backend.EMA, name)] != nil {
		return nil
	}
	t, err := s.download(s.state[part(backend.Weights, name)], name, 1)
	if err != nil {
		return err
	}
	return s.place(part(backend.EMA, name), t)
}
