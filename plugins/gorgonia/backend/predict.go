package backend

import (
	"context"
	"errors"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// forward computes values batch by batch until the end, an error or Stop.
func (s *session[T]) forward(ctx context.Context, id backend.DatasetID, ema bool, batches []backend.Batch, values []string, done func(i int, m *machine[T]) error) error {
	s.stopped.Store(false)
	one := func(item feed.Item, q *queue[T]) error {
		m, err := s.machine(request{Groups: len(item.Batch.Rows) / s.program.Group, Values: values})
		if err != nil {
			return err
		}
		if err := s.run(ctx, m, item.Batch, item.Inputs, q); err != nil {
			return err
		}
		return done(item.Index, m)
	}
	return s.withAverage(ema, func() error {
		if !s.engine.beside() {
			return s.Batches(ctx, id, batches, values, func(item feed.Item) error { return one(item, nil) })
		}
		next, end := pulled(func(do func(feed.Item) error) error { return s.Batches(ctx, id, batches, values, do) })
		defer end()
		q := &queue[T]{session: s, next: next}
		for {
			item, err := q.take()
			if errors.Is(err, errEnd) || err == nil && s.stopped.Load() {
				return nil
			}
			if err == nil {
				err = one(item, q)
			}
			if err != nil {
				return err
			}
		}
	})
}

// withAverage runs f with the moving average in place of the weights.
func (s *session[T]) withAverage(use bool, f func() error) (err error) {
	if !use {
		return f()
	}
	if s.state[backend.EMA] == nil {
		return backend.Errorf(backend.Invalid, "ema", "the state does not have a moving average of the weights")
	}
	var weights, averages []*vector[T]
	for name, average := range s.state[backend.EMA] {
		weights, averages = append(weights, s.state[backend.Weights][name]), append(averages, average)
	}
	if err := s.engine.exchange(weights, averages); err != nil {
		return err
	}
	defer func() { // a device that fails here fails in the next call too
		err = errors.Join(err, s.engine.exchange(weights, averages))
	}()
	return f()
}

// Evaluate computes the scalars of batches.
func (s *session[T]) Evaluate(ctx context.Context, p backend.EvalPlan, emit func(backend.EvalResult) error) error {
	return s.forward(ctx, p.Dataset, p.EMA, p.Batches, s.program.ScalarValues(), func(i int, m *machine[T]) error {
		r := backend.EvalResult{Batch: i, Scalars: map[string]backend.Sum{}}
		s.scalars(m, p.Batches[i], r.Scalars)
		return emit(r)
	})
}

// Reconstruct predicts patches.
func (s *session[T]) Reconstruct(ctx context.Context, p backend.ReconPlan, emit func(backend.Patches) error) error {
	value, err := backend.PatchValue(s.program)
	if err != nil {
		return err
	}
	return s.forward(ctx, p.Dataset, p.EMA, p.Batches, []string{value}, func(i int, m *machine[T]) error {
		t, err := s.tap(m, value)
		if err != nil {
			return backend.Errorf(backend.Internal, "reconstruct", "%w", err)
		}
		r, err := feed.Patches(i, t)
		if err != nil {
			return err
		}
		return emit(r)
	})
}

// tap copies a value of the last run.
func (s *session[T]) tap(m *machine[T], name string) (tensor.Tensor, error) {
	t := m.graph.Types[name]
	return raise(t.Kind, t.Shape, m.Value(m.graph.Values[name]))
}
