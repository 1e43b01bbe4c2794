package backend

import (
	"context"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
)

// part returns the name of a slot's array on the device.
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
	s.freeState()
	s.state, s.steps = fresh, st.Step
	return nil
}

// State copies the state to the host.
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

// requireWeights refuses to compute without weights.
func (s *session) requireWeights() error {
	if s.state == nil {
		return backend.Errorf(backend.Invalid, "compute", "the session has no weights yet")
	}
	return nil
}

// moment adds a missing slot of a parameter, with zeros.
func (s *session) moment(slot backend.Slot, name string) error {
	if s.state[part(slot, name)] != nil {
		return nil
	}
	t := s.types[name]
	zeros, err := tensor.Zeros(s.element(t.Kind), t.Shape.At(1)...)
	if err != nil {
		return backend.Errorf(backend.Internal, "step", "%w", err)
	}
	return s.replace(part(slot, name), zeros)
}

// replace uploads an array of the state in place of the old one. If the upload fails the state does not change.
func (s *session) replace(a engine.Array, t tensor.Tensor) error {
	b, err := s.upload(t, s.stored(a.Name, 1))
	if err == nil {
		s.state[a] = b
	}
	return err
}

// average adds a missing moving average of a parameter, which starts at the weights before the first step.
func (s *session) average(name string) error {
	if s.state[part(backend.EMA, name)] != nil {
		return nil
	}
	t, err := s.download(s.state[part(backend.Weights, name)], name, 1)
	if err != nil {
		return err
	}
	return s.replace(part(backend.EMA, name), t)
}
