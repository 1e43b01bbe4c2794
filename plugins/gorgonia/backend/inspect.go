package backend

import (
	"context"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/gorgonia/lower"
)

// gather fetches one batch with the inputs that the values depend on.
func (s *session[T]) gather(id backend.DatasetID, b backend.Batch, values ...string) (map[string]tensor.Tensor, error) {
	set, err := s.Bound(id)
	if err != nil {
		return nil, err
	}
	if _, err := b.Groups(s.program); err != nil {
		return nil, err
	}
	names := s.program.InputsOf(values...)
	if len(names) == 0 {
		return nil, nil
	}
	inputs, err := set.Alloc(set.Groups(b), tensor.Of[T](), names...)
	if err != nil {
		return nil, err
	}
	return inputs, set.Gather(b, inputs)
}

// Forward gives named values for one batch.
func (s *session[T]) Forward(ctx context.Context, b backend.BatchRef, taps ...string) (map[string]tensor.Tensor, error) {
	types, err := s.program.Types()
	if err != nil {
		return nil, backend.Errorf(backend.Internal, "forward", "%w", err)
	}
	for _, name := range taps {
		if _, ok := types[name]; !ok {
			return nil, backend.Errorf(backend.NotFound, "forward", "the program has no value %s", name)
		}
	}
	inputs, err := s.gather(b.Dataset, b.Batch, taps...)
	if err != nil {
		return nil, err
	}
	m, err := s.machine(lower.Request{Groups: len(b.Batch.Rows) / s.program.Group, Values: taps})
	if err != nil {
		return nil, err
	}
	if err := s.run(ctx, m, b.Batch, inputs); err != nil {
		return nil, err
	}
	out := map[string]tensor.Tensor{}
	for _, name := range taps {
		if out[name], err = s.tap(m, name); err != nil {
			return nil, backend.Errorf(backend.Internal, "forward", "%s: %w", name, err)
		}
	}
	return out, nil
}

// Gradient gives the loss and the gradients of parameters for one batch.
func (s *session[T]) Gradient(ctx context.Context, b backend.BatchRef, params ...string) (backend.Loss, map[string]tensor.Tensor, error) {
	var out backend.Loss
	if len(params) == 0 {
		params = s.program.Trainable()
	}
	params = slices.Compact(slices.Sorted(slices.Values(params)))
	for _, name := range params {
		if _, ok := s.program.Param(name); !ok {
			return out, nil, backend.Errorf(backend.NotFound, "gradient", "the program has no parameter %s", name)
		}
	}
	if err := backend.CheckLosses("gradient", s.program, b.LossWeights); err != nil {
		return out, nil, err
	}
	inputs, err := s.gather(b.Dataset, b.Batch, s.program.ScalarValues()...)
	if err != nil {
		return out, nil, err
	}
	norm := b.Norm()
	if !(norm > 0) || !finite(norm) {
		return out, nil, backend.Errorf(backend.Invalid, "gradient", "a normaliser of %v, want above 0", norm)
	}
	m, err := s.backward(ctx, b.Batch, inputs, b.LossWeights, norm, params)
	if err != nil {
		return out, nil, err
	}
	out.Scalars = map[string]backend.Sum{}
	s.scalars(m, b.Batch, out.Scalars)
	out.Value = backend.Weigh(b.LossWeights, out.Scalars, norm)
	grads := map[string]tensor.Tensor{}
	for _, name := range params {
		w := s.state[backend.Weights][name]
		if grads[name], err = raise(w.kind, w.shape, s.gradient(m, name)); err != nil {
			return out, nil, backend.Errorf(backend.Internal, "gradient", "%s: %w", name, err)
		}
	}
	return out, grads, nil
}
