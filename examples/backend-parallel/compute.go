package main

import (
	"context"
	"maps"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// Evaluate computes the scalars of batches.
func (s *session) Evaluate(ctx context.Context, p backend.EvalPlan, emit func(backend.EvalResult) error) error {
	return s.each(ctx, p.Dataset, p.EMA, p.Batches, func(i int, values map[string]*reference.Value) error {
		r := backend.EvalResult{Batch: i, Scalars: map[string]backend.Sum{}}
		feed.AddScalars(r.Scalars, s.options.Program, p.Batches[i], func(name string) []float64 { return values[name].Real })
		return emit(r)
	})
}

// Reconstruct predicts patches.
func (s *session) Reconstruct(ctx context.Context, p backend.ReconPlan, emit func(backend.Patches) error) error {
	name, err := backend.PatchValue(s.options.Program)
	if err != nil {
		return err
	}
	return s.each(ctx, p.Dataset, p.EMA, p.Batches, func(i int, values map[string]*reference.Value) error {
		r, err := feed.Patches(i, s.result(values[name]))
		if err != nil {
			return err
		}
		return emit(r)
	})
}

// result converts complex values to the precision of the session.
func (s *session) result(v *reference.Value) tensor.Tensor {
	if s.options.DType == tensor.Float64 {
		return v.Tensor()
	}
	data := make([]complex64, len(v.Complex))
	for i, z := range v.Complex {
		data[i] = complex64(z)
	}
	return tensor.Must(data, v.Shape...)
}

// computed is the outcome of one batch.
type computed struct {
	index  int // into the plan's batches
	values map[string]*reference.Value
	err    error
}

// each computes batches, as many at a time as there are threads, and calls done in their order. It ends at an error, the end of
// ctx, or Stop; what was begun before Stop is still reported.
func (s *session) each(ctx context.Context, id backend.DatasetID, ema bool, batches []backend.Batch, done func(int, map[string]*reference.Value) error) error {
	var running []chan computed // in the order of the batches
	first := func() error {
		c := <-running[0]
		running = running[1:]
		if c.err != nil {
			return c.err
		}
		return done(c.index, c.values)
	}
	err := s.Batches(ctx, id, batches, nil, func(item feed.Item) error {
		given, err := s.given(item.Inputs, ema)
		if err != nil {
			return err
		}
		result := make(chan computed, 1) // nobody waits for it after an error
		running = append(running, result)
		go func() {
			values, err := s.machine.Forward(len(item.Batch.Rows)/s.options.Program.Group, given)
			if err != nil {
				err = backend.Errorf(backend.Invalid, "compute", "%w", err)
			}
			result <- computed{item.Index, values, err}
		}()
		if len(running) < s.threads {
			return nil
		}
		return first()
	})
	for err == nil && len(running) > 0 {
		err = first()
	}
	for _, c := range running { // after an error: the machine must be at rest when this call returns
		<-c
	}
	return err
}

// given returns the weights, buffers and inputs of one batch by name. The inputs are copied, because the feed overwrites them while
// the batch is computed.
func (s *session) given(inputs map[string]tensor.Tensor, ema bool) (map[string]*reference.Value, error) {
	if s.weights == nil {
		return nil, backend.Errorf(backend.Invalid, "compute", "the session has no weights yet")
	}
	given := maps.Clone(s.weights[backend.Weights])
	maps.Copy(given, s.weights[backend.Buffers])
	if ema {
		if s.weights[backend.EMA] == nil {
			return nil, backend.Errorf(backend.Invalid, "ema", "the state has no moving average of the weights")
		}
		maps.Copy(given, s.weights[backend.EMA])
	}
	for name, t := range inputs {
		v, err := copied(t)
		if err != nil {
			return nil, backend.Errorf(backend.Internal, "compute", "input %s: %w", name, err)
		}
		given[name] = v
	}
	return given, nil
}

// copied converts a tensor to a value with memory of its own.
func copied(t tensor.Tensor) (*reference.Value, error) {
	shared, err := reference.FromTensor(t)
	if err != nil {
		return nil, err
	}
	v := reference.NewValue(shared.Kind, shared.Shape)
	copy(v.Real, shared.Real)
	copy(v.Complex, shared.Complex)
	copy(v.Index, shared.Index)
	return v, nil
}
