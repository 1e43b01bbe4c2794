package backend

import (
	"context"
	"errors"
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/optim"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// Step runs optimiser steps.
func (s *session[T]) Step(ctx context.Context, p backend.StepPlan, emit func(backend.StepResult) error) error {
	q := &queue[T]{session: s}
	return s.Steps(ctx, p, emit, func(st backend.Step, next func() (feed.Item, error)) (backend.StepResult, error) {
		q.next = next
		return s.step(ctx, q, p, st)
	})
}

// step accumulates the gradients of the micro-batches in order, clips them and updates the weights.
func (s *session[T]) step(ctx context.Context, q *queue[T], p backend.StepPlan, st backend.Step) (r backend.StepResult, err error) {
	r = backend.StepResult{Number: st.Number, Scalars: map[string]backend.Sum{}}
	if err := s.ready(); err != nil {
		return r, err
	}
	norm := st.Norm()
	names := s.program.Trainable()
	weights := make([]*vector[T], len(names))
	for i, name := range names {
		weights[i] = s.state[backend.Weights][name]
	}
	grads := s.engine.gradients(weights, len(st.Batches))
	defer func() { err = errors.Join(err, grads.free()) }()
	nodes := make([]*G.Node, len(names))
	for _, b := range st.Batches {
		item, err := q.take()
		if err != nil {
			return r, err
		}
		m, err := s.backward(ctx, b, item.Inputs, q, p.LossWeights, norm, names)
		if err != nil {
			return r, err
		}
		s.scalars(m, b, r.Scalars)
		r.Patterns += len(b.Rows)
		for j, name := range names {
			nodes[j] = m.graph.Grads[name]
		}
		if err := grads.add(m.runner, nodes); err != nil {
			return r, err
		}
	}
	r.Loss = feed.Weigh(p.LossWeights, r.Scalars, norm)
	if r.GradNorm, err = grads.norm(); err != nil {
		return r, err
	}
	if !finite(r.GradNorm) || !finite(r.Loss) {
		return r, backend.Errorf(backend.Numeric, "step", "step %d: loss %v, gradient norm %v", st.Number, r.Loss, r.GradNorm)
	}
	if r.Clipped, err = grads.clip(p.Clip, r.GradNorm); err != nil {
		return r, err
	}
	updates := make([]update[T], len(names))
	for i, name := range names {
		if updates[i], err = s.update(p, st, name); err != nil {
			return r, err
		}
	}
	if err := grads.update(updates); err != nil {
		return r, err
	}
	s.steps = st.Number
	return r, nil
}

// backward runs forward and backward for one batch.
func (s *session[T]) backward(ctx context.Context, b backend.Batch, inputs map[string]tensor.Tensor, q *queue[T], weights map[string]float64, norm float64, params []string) (*machine[T], error) {
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
	return m, s.run(ctx, m, b, inputs, q)
}

// update returns the update of one parameter, whose state and moving average it creates at the first step.
func (s *session[T]) update(p backend.StepPlan, st backend.Step, name string) (update[T], error) {
	q, _ := s.program.Param(name)
	u := update[T]{optimiser: p.Optimiser, step: st.Number, rate: st.Rate(q.Group), decay: p.EMADecay}
	for _, slot := range optim.Slots(p.Optimiser) {
		v, err := s.slot(slot, name)
		if err != nil {
			return u, err
		}
		u.state = append(u.state, v)
	}
	if p.EMADecay > 0 {
		started := s.state[backend.EMA][name] != nil
		var err error
		if u.average, err = s.slot(backend.EMA, name); err != nil {
			return u, err
		}
		if !started { // the average starts at the weights before the first step
			if err := s.engine.copy(u.average, s.state[backend.Weights][name]); err != nil {
				return u, err
			}
		}
	}
	return u, nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
