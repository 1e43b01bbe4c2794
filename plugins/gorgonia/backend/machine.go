package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// machine is a planned graph with the arrays that it reads in addition to the batch.
type machine[T float] struct {
	runner[T]
	graph   *graph
	groups  int
	indices map[string][]T // index inputs converted for the engine
	weights []T            // of the patterns
	seeds   map[string][]T
}

// maxMachines limits the graphs that a session keeps. A run needs three: steps, evaluation and prediction.
const maxMachines = 32

// ready returns an error before a state was set.
func (s *session[T]) ready() error {
	if s.state == nil {
		return backend.Errorf(backend.Invalid, "compile", "the session has no weights yet")
	}
	return nil
}

// machine returns the planned graph for a request and builds it on first use.
func (s *session[T]) machine(r request) (*machine[T], error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%d %q %q %q", r.Groups, r.Values, r.Losses, r.Params)
	if m, ok := s.machines[key]; ok {
		return m, nil
	}
	g, err := lower(s.env, s.program, r)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, backend.Errorf(backend.Exhausted, "compile", "%w", err)
	case err != nil:
		return nil, backend.Errorf(backend.Internal, "compile", "%w", err)
	}
	keep := slices.Concat(slices.Collect(maps.Values(g.Values)), slices.Collect(maps.Values(g.Grads)))
	steps, err := newPlan[T](g.Expr, keep...)
	if err != nil {
		return nil, backend.Errorf(backend.Internal, "compile", "%w", err)
	}
	planned, err := s.engine.runner(steps, slices.Collect(maps.Values(g.Values)))
	if err != nil {
		return nil, err
	}
	if err := s.fits(int64(planned.Bytes())); err != nil {
		return nil, errors.Join(err, planned.close())
	}
	m := &machine[T]{runner: planned, graph: g, groups: r.Groups, indices: map[string][]T{}, seeds: map[string][]T{}}
	if err := s.bindInputs(m, r); err != nil {
		return nil, errors.Join(err, m.close())
	}
	if len(s.machines) >= maxMachines {
		if err := s.drop(); err != nil {
			return nil, errors.Join(err, m.close())
		}
	}
	s.machines[key] = m
	return m, nil
}

// fits returns an error for a plan that needs more memory than is allowed, or than the machine has.
func (s *session[T]) fits(planned int64) error {
	limit := s.limit
	if limit == 0 {
		limit = s.engine.memory()
	}
	need := max(planned, s.engine.held())
	for _, arrays := range s.state {
		for _, v := range arrays {
			need += int64(len(v.data) * tensor.Of[T]().Size())
		}
	}
	if limit > 0 && need > limit {
		return backend.Errorf(backend.Exhausted, "compile", "the batch needs %d MiB of memory, but %d MiB are allowed: use smaller batches", need>>20, limit>>20)
	}
	return nil
}

// bindInputs binds the inputs of a machine to weights and buffers, and allocates the arrays that come with a batch.
func (s *session[T]) bindInputs(m *machine[T], r request) error {
	if err := s.bindState(m); err != nil {
		return err
	}
	needed := m.Inputs()
	for _, in := range s.program.Inputs {
		if size, ok := needed[in.Name]; ok && in.Type.Kind == program.Index {
			m.indices[in.Name] = make([]T, size)
			if err := m.Set(in.Name, m.indices[in.Name]); err != nil {
				return backend.Errorf(backend.Internal, "compile", "%w", err)
			}
		}
	}
	m.weights = make([]T, r.Groups*s.program.Group)
	if err := m.Set(patternWeight, m.weights); err != nil {
		return backend.Errorf(backend.Internal, "compile", "%w", err)
	}
	for _, l := range r.Losses {
		m.seeds[l] = make([]T, 1)
		if err := m.Set(seed(l), m.seeds[l]); err != nil {
			return backend.Errorf(backend.Internal, "compile", "%w", err)
		}
	}
	return nil
}

// bindState binds a machine to the weights and buffers of the session.
func (s *session[T]) bindState(m *machine[T]) error {
	for _, slot := range []backend.Slot{backend.Weights, backend.Buffers} {
		for name, v := range s.state[slot] {
			if err := m.Bind(name, v); err != nil {
				return backend.Errorf(backend.Internal, "compile", "%w", err)
			}
		}
	}
	return nil
}

// view returns the numbers of a real or complex tensor in the engine's precision, sharing memory.
func view[T float](t tensor.Tensor) ([]T, error) {
	flat, err := tensor.FromBytes(tensor.Of[T](), t.Bytes(), len(t.Bytes())/tensor.Of[T]().Size())
	if err != nil {
		return nil, err
	}
	return tensor.Data[T](flat)
}

// run computes a gathered batch, of a queue or, if q is nil, alone.
func (s *session[T]) run(ctx context.Context, m *machine[T], b backend.Batch, inputs map[string]tensor.Tensor, q *queue[T]) error {
	for name, t := range inputs {
		if t.DType() == tensor.Int32 {
			if err := s.readIndices(m, name, t); err != nil {
				return err
			}
			continue
		}
		data, err := view[T](t)
		if err == nil {
			err = m.Set(name, data)
		}
		if err != nil {
			return backend.Errorf(backend.Internal, "compute", "input %s: %w", name, err)
		}
	}
	for i := range m.weights {
		m.weights[i] = 1
		if b.Weights != nil {
			m.weights[i] = T(b.Weights[i])
		}
	}
	if err := m.Run(ctx, q.meanwhile(m)); err != nil {
		if ctx.Err() != nil {
			return backend.Errorf(backend.Cancelled, "compute", "%w", ctx.Err())
		}
		if e := (*backend.Error)(nil); errors.As(err, &e) {
			return err
		}
		return backend.Errorf(backend.Internal, "compute", "%w", err)
	}
	return nil
}

// readIndices converts an index input and rejects rows outside of the table. A float32 represents every index exactly,
// because extents of a program are at most 2^24.
func (s *session[T]) readIndices(m *machine[T], name string, t tensor.Tensor) error {
	data, ok := m.indices[name]
	rows, err := tensor.Data[int32](t)
	if err != nil || !ok || len(rows) != len(data) {
		return nil // the machine does not read it
	}
	if err := backend.CheckIndex(s.program, name, rows); err != nil {
		return err
	}
	for i, r := range rows {
		data[i] = T(r)
	}
	return nil
}
