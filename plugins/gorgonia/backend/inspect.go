package backend

import (
	"context"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// Forward returns named values for one batch.
func (s *session[T]) Forward(ctx context.Context, b backend.BatchRef, taps ...string) (map[string]tensor.Tensor, error) {
	types, err := s.program.Types()
	if err != nil {
		return nil, backend.Errorf(backend.Internal, "forward", "%w", err)
	}
	for _, name := range taps {
		if _, ok := types[name]; !ok {
			return nil, backend.Errorf(backend.NotFound, "forward", "the program does not have the value %s", name)
		}
	}
	inputs, err := s.One(b.Dataset, b.Batch, taps...)
	if err != nil {
		return nil, err
	}
	m, err := s.machine(request{Groups: len(b.Batch.Rows) / s.program.Group, Values: taps})
	if err != nil {
		return nil, err
	}
	if err := s.run(ctx, m, b.Batch, inputs, nil); err != nil {
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

// Gradient returns the loss and the gradients of parameters for one batch.
func (s *session[T]) Gradient(ctx context.Context, b backend.BatchRef, params ...string) (backend.Loss, map[string]tensor.Tensor, error) {
	var out backend.Loss
	params, norm, err := b.Gradients(s.program, params)
	if err != nil {
		return out, nil, err
	}
	inputs, err := s.One(b.Dataset, b.Batch, s.program.ScalarValues()...)
	if err != nil {
		return out, nil, err
	}
	m, err := s.backward(ctx, b.Batch, inputs, nil, b.LossWeights, norm, params)
	if err != nil {
		return out, nil, err
	}
	out.Scalars = map[string]backend.Sum{}
	s.scalars(m, b.Batch, out.Scalars)
	out.Value = feed.Weigh(b.LossWeights, out.Scalars, norm)
	grads := map[string]tensor.Tensor{}
	for _, name := range params {
		w := s.state[backend.Weights][name]
		g := make([]T, len(w.data)) // zeros where the loss does not depend on the parameter
		if n, ok := m.graph.Grads[name]; ok {
			if g, err = m.Gradient(n); err != nil {
				return out, nil, err
			}
		}
		if grads[name], err = raise(w.kind, w.shape, g); err != nil {
			return out, nil, backend.Errorf(backend.Internal, "gradient", "%s: %w", name, err)
		}
	}
	return out, grads, nil
}
