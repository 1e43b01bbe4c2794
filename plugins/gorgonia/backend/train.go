package backend

import (
	"context"
	"math"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/optim"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// Step runs optimiser steps.
func (s *session[T]) Step(ctx context.Context, p backend.StepPlan, emit func(backend.StepResult) error) error {
	return s.Steps(ctx, p, emit, func(st backend.Step, next func() (feed.Item, error)) (backend.StepResult, error) {
		return s.step(ctx, next, p, st)
	})
}

// step accumulates the gradients of the micro-batches in order, clips them and updates the weights.
func (s *session[T]) step(ctx context.Context, next func() (feed.Item, error), p backend.StepPlan, st backend.Step) (backend.StepResult, error) {
	r := backend.StepResult{Number: st.Number, Scalars: map[string]backend.Sum{}}
	norm := st.Norm()
	names := s.program.Trainable()
	grads := make([][]T, len(names))
	for i, b := range st.Batches {
		item, err := next()
		if err != nil {
			return r, err
		}
		m, err := s.backward(ctx, b, item.Inputs, p.LossWeights, norm, names)
		if err != nil {
			return r, err
		}
		s.scalars(m, b, r.Scalars)
		r.Patterns += len(b.Rows)
		for j, name := range names {
			g := s.gradient(m, name)
			switch {
			case len(st.Batches) == 1:
				grads[j] = g
			case i == 0:
				grads[j] = s.env.Borrow(len(g))
				defer s.env.Return(grads[j])
				copy(grads[j], g)
			default:
				for k, v := range g {
					grads[j][k] += v
				}
			}
		}
	}
	r.Loss = feed.Weigh(p.LossWeights, r.Scalars, norm)
	r.GradNorm = optim.Norm(grads...)
	if !finite(r.GradNorm) || !finite(r.Loss) {
		return r, backend.Errorf(backend.Numeric, "step", "step %d: loss %v, gradient norm %v", st.Number, r.Loss, r.GradNorm)
	}
	s.update(p, st, names, grads, &r)
	s.steps = st.Number
	return r, nil
}

// backward runs forward and backward for one batch.
func (s *session[T]) backward(ctx context.Context, b backend.Batch, inputs map[string]tensor.Tensor, weights map[string]float64, norm float64, params []string) (*machine[T], error) {
	groups, err := b.Groups(s.program)
	if err != nil {
		return nil, err
	}
	losses := feed.Active(weights)
	m, err := s.machine(request{Groups: groups, Values: s.program.ScalarValues(), Losses: losses, Params: params})
	if err != nil {
		return nil, err
	}
	for _, l := range losses {
		m.seeds[l][0] = T(weights[l] / norm)
	}
	return m, s.run(ctx, m, b, inputs)
}

// gradient returns the gradient of a parameter after backward; zeros where the loss does not depend on it.
func (s *session[T]) gradient(m *machine[T], name string) []T {
	if n, ok := m.graph.Grads[name]; ok {
		return m.Value(n)
	}
	if s.zeros[name] == nil {
		s.zeros[name] = make([]T, len(s.state[backend.Weights][name].data))
	}
	return s.zeros[name]
}

// updated is the number of elements that one worker updates at a time.
const updated = 1 << 15

// update applies clipping, the update rule and the moving average.
func (s *session[T]) update(p backend.StepPlan, st backend.Step, names []string, grads [][]T, r *backend.StepResult) {
	weights := make([][]T, len(names))
	for i, name := range names {
		weights[i] = s.state[backend.Weights][name].data
	}
	r.Clipped = optim.Bound(p.Clip, r.GradNorm, weights, grads)
	slots := optim.Slots(p.Optimiser)
	for i, name := range names {
		w, g := weights[i], grads[i]
		var state [2][]T // Adam has two moments
		for j, slot := range slots {
			state[j] = s.slot(slot, name)
		}
		var ema []T
		if p.EMADecay > 0 {
			started := s.state[backend.EMA][name].data != nil
			if ema = s.slot(backend.EMA, name); !started {
				copy(ema, w) // the average starts at the weights before the first step
			}
		}
		q, _ := s.program.Param(name)
		rule := optim.At(p.Optimiser, st.Number, st.Rate(q.Group))
		s.env.Pool.Run((len(w)+updated-1)/updated, func(k int) {
			from, to := k*updated, min((k+1)*updated, len(w))
			var part [2][]T
			for j := range slots {
				part[j] = state[j][from:to]
			}
			optim.Update(rule, w[from:to], g[from:to], part[:len(slots)]...)
			if ema != nil {
				optim.Average(ema[from:to], w[from:to], p.EMADecay)
			}
		})
	}
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
