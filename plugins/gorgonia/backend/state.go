package backend

import (
	"context"
	"errors"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/driver"
)

// vector is a parameter or buffer in the engine's layout: complex numbers as pairs.
type vector[T float] struct {
	kind  program.Kind
	shape []int
	data  []T            // on a GPU only a copy
	at    driver.Address // in the memory of a GPU
}

func (v vector[T]) size() int {
	if v.kind == program.Complex {
		return 2 * program.Count(v.shape)
	}
	return program.Count(v.shape)
}

// element returns the type of an array in the engine's precision.
func element[T float](k program.Kind) tensor.DType {
	single := tensor.Of[T]() == tensor.Float32
	switch {
	case k == program.Index:
		return tensor.Int32
	case k == program.Complex && single:
		return tensor.Complex64
	case k == program.Complex:
		return tensor.Complex128
	}
	return tensor.Of[T]()
}

// raise copies data into a tensor of the engine's precision.
func raise[T float](kind program.Kind, shape []int, data []T) (tensor.Tensor, error) {
	return tensor.Unflatten(element[T](kind), data, shape...)
}

// SetState replaces the state.
func (s *session[T]) SetState(_ context.Context, st backend.State) (err error) {
	if err := st.Check(s.program); err != nil {
		return err
	}
	fresh := map[backend.Slot]map[string]*vector[T]{}
	defer func() {
		if err != nil {
			s.releaseAll(fresh)
		}
	}()
	for slot, arrays := range st.Slots {
		fresh[slot] = map[string]*vector[T]{}
		for name, t := range arrays {
			v := &vector[T]{kind: program.Real, shape: t.Shape()}
			switch {
			case t.DType().IsComplex():
				v.kind = program.Complex
			case t.DType() == tensor.Int32:
				v.kind = program.Index
			}
			v.data = make([]T, v.size())
			if err := tensor.Flatten(v.data, t); err != nil {
				return backend.Errorf(backend.Invalid, "set state", "%s of %s: %w", slot, name, err)
			}
			if err := s.engine.adopt(v); err != nil {
				return err
			}
			fresh[slot][name] = v
		}
	}
	old := s.state
	s.state, s.steps = fresh, st.Step
	if err := s.releaseAll(old); err != nil {
		return err
	}
	for _, m := range s.machines { // the machines read the arrays of the previous state
		if err := s.bindState(m); err != nil {
			return errors.Join(err, s.drop())
		}
	}
	return nil
}

// State returns a copy of the state.
func (s *session[T]) State(context.Context) (backend.State, error) {
	out := backend.State{Step: s.steps, Slots: map[backend.Slot]map[string]tensor.Tensor{}}
	for slot, arrays := range s.state {
		out.Slots[slot] = map[string]tensor.Tensor{}
		for name, v := range arrays {
			if err := s.engine.fetch(v); err != nil {
				return out, err
			}
			t, err := raise(v.kind, v.shape, v.data)
			if err != nil {
				return out, backend.Errorf(backend.Internal, "state", "%s of %s: %w", slot, name, err)
			}
			out.Slots[slot][name] = t
		}
	}
	return out, nil
}

// releaseAll frees the vectors of a state.
func (s *session[T]) releaseAll(state map[backend.Slot]map[string]*vector[T]) error {
	var failed []error
	for _, arrays := range state {
		for _, v := range arrays {
			failed = append(failed, s.engine.release(v))
		}
	}
	return errors.Join(failed...)
}

// slot returns the vector of a slot for a parameter, and creates a missing one with zeros.
func (s *session[T]) slot(slot backend.Slot, like string) (*vector[T], error) {
	if s.state[slot] == nil {
		s.state[slot] = map[string]*vector[T]{}
	}
	v, ok := s.state[slot][like]
	if !ok {
		w := s.state[backend.Weights][like]
		v = &vector[T]{kind: w.kind, shape: w.shape, data: make([]T, len(w.data))}
		if err := s.engine.adopt(v); err != nil {
			return nil, err
		}
		s.state[slot][like] = v
	}
	return v, nil
}
