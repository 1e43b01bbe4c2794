package backend

import (
	"context"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// forward computes values for batch after batch until done, an error or Stop.
func (s *session) forward(ctx context.Context, id backend.DatasetID, ema bool, batches []backend.Batch, values []string, done func(i, groups int, results buffers) error) error {
	return s.Batches(ctx, id, batches, values, func(item feed.Item) error {
		if err := s.requireWeights(); err != nil {
			return err
		}
		if ema && !s.averaged() {
			return backend.Errorf(backend.Invalid, "ema", "the state has no moving average of the weights")
		}
		results, err := s.values(ctx, item.Batch, item.Inputs, ema, values)
		if err != nil {
			return err
		}
		defer release(results)
		return done(item.Index, s.groups(item.Batch), results)
	})
}

// averaged reports whether the state has a moving average of the weights.
func (s *session) averaged() bool {
	for a := range s.state {
		if a.Part == string(backend.EMA) {
			return true
		}
	}
	return false
}

// values computes values of one gathered batch.
func (s *session) values(ctx context.Context, b backend.Batch, inputs map[string]tensor.Tensor, ema bool, values []string) (buffers, error) {
	c := s.cut(s.groups(b))
	f, err := s.forwardFunction(c.groups, values)
	if err != nil {
		return nil, err
	}
	loaded := buffers{}
	defer func() { release(loaded) }()
	if err := s.load(b, inputs, loaded); err != nil {
		return nil, err
	}
	return s.call(ctx, f, c.rounds, loaded, ema)
}

// Evaluate computes the scalars of batches.
func (s *session) Evaluate(ctx context.Context, p backend.EvalPlan, emit func(backend.EvalResult) error) error {
	return s.forward(ctx, p.Dataset, p.EMA, p.Batches, s.program.ScalarValues(), func(i, groups int, results buffers) error {
		each := map[string][]float64{}
		for _, v := range s.program.ScalarValues() {
			t, err := s.download(results[engine.Array{Part: valuePart, Name: v}], v, groups)
			if err != nil {
				return err
			}
			each[v] = make([]float64, t.Len())
			if err := tensor.Flatten(each[v], t); err != nil {
				return backend.Errorf(backend.Internal, "evaluate", "%w", err)
			}
		}
		r := backend.EvalResult{Batch: i, Scalars: map[string]backend.Sum{}}
		feed.AddScalars(r.Scalars, s.program, p.Batches[i], func(value string) []float64 { return each[value] })
		return emit(r)
	})
}

// Reconstruct predicts patches.
func (s *session) Reconstruct(ctx context.Context, p backend.ReconPlan, emit func(backend.Patches) error) error {
	value, err := backend.PatchValue(s.program)
	if err != nil {
		return err
	}
	return s.forward(ctx, p.Dataset, p.EMA, p.Batches, []string{value}, func(i, groups int, results buffers) error {
		t, err := s.download(results[engine.Array{Part: valuePart, Name: value}], value, groups)
		if err != nil {
			return err
		}
		r, err := feed.Patches(i, t)
		if err != nil {
			return err
		}
		return emit(r)
	})
}
