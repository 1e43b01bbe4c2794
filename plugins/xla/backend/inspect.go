package backend

import (
	"context"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// Forward returns named values for one batch.
func (s *session) Forward(ctx context.Context, ref backend.BatchRef, taps ...string) (map[string]tensor.Tensor, error) {
	for _, name := range taps {
		if _, ok := s.types[name]; !ok {
			return nil, backend.Errorf(backend.NotFound, "forward", "the program has no value %s", name)
		}
	}
	inputs, err := s.One(ref.Dataset, ref.Batch, taps...)
	if err == nil {
		err = s.requireWeights()
	}
	if err != nil {
		return nil, err
	}
	taps = slices.Compact(slices.Sorted(slices.Values(taps)))
	results, err := s.values(ctx, ref.Batch, inputs, false, taps)
	if err != nil {
		return nil, err
	}
	defer release(results)
	out := map[string]tensor.Tensor{}
	for _, name := range taps {
		if out[name], err = s.download(results[engine.Array{Part: valuePart, Name: name}], name, s.groups(ref.Batch)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Gradient returns the loss and the gradients of parameters for one batch.
func (s *session) Gradient(ctx context.Context, ref backend.BatchRef, params ...string) (backend.Loss, map[string]tensor.Tensor, error) {
	var out backend.Loss
	params, norm, err := ref.Gradients(s.program, params)
	if err != nil {
		return out, nil, err
	}
	inputs, err := s.One(ref.Dataset, ref.Batch, s.program.ScalarValues()...)
	if err == nil {
		err = s.requireWeights()
	}
	if err != nil {
		return out, nil, err
	}
	loaded := buffers{}
	defer func() { release(loaded) }()
	results, err := s.gradients(ctx, gradients{ref.Batch, inputs, ref.LossWeights, norm, params, false}, loaded)
	if err != nil {
		return out, nil, err
	}
	defer release(results)
	out.Scalars = map[string]backend.Sum{}
	if err := s.scalars(results, ref.Batch, out.Scalars); err != nil {
		return out, nil, err
	}
	out.Value = feed.Weigh(ref.LossWeights, out.Scalars, norm)
	grads := map[string]tensor.Tensor{}
	for _, name := range params {
		if grads[name], err = s.download(results[engine.Array{Part: gradientPart, Name: name}], name, 1); err != nil {
			return out, nil, err
		}
	}
	return out, grads, nil
}
