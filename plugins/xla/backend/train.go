package backend

import (
	"context"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/optim"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/plugins/xla/update"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// Step runs optimiser steps.
func (s *session) Step(ctx context.Context, p backend.StepPlan, emit func(backend.StepResult) error) error {
	return s.Steps(ctx, p, emit, func(st backend.Step, next func() (feed.Item, error)) (backend.StepResult, error) {
		return s.step(ctx, next, p, st)
	})
}

// step is one optimiser step: one function where it has one batch, else gradients that are added up and an update.
func (s *session) step(ctx context.Context, next func() (feed.Item, error), p backend.StepPlan, st backend.Step) (backend.StepResult, error) {
	r := backend.StepResult{Number: st.Number, Scalars: map[string]backend.Sum{}}
	params := s.program.Trainable()
	if err := s.ready(); err != nil {
		return r, err
	}
	if err := s.prepare(p, params); err != nil {
		return r, err
	}
	losses := backend.Active(p.LossWeights)
	var grads map[engine.Array]engine.Buffer
	defer func() { release(grads) }()
	for i, b := range st.Batches {
		item, err := next()
		if err != nil {
			return r, err
		}
		groups := len(b.Rows) / s.program.Group
		var f *engine.Function
		if len(st.Batches) == 1 {
			f, err = s.stepFunction(groups, losses, params, p)
		} else {
			f, err = s.gradientFunction(groups, losses, params, i > 0)
		}
		if err != nil {
			return r, err
		}
		results, err := s.micro(ctx, f, p, st, item, grads)
		grads = nil
		if err != nil {
			return r, err
		}
		r.Patterns += len(b.Rows)
		err = s.scalars(results, b, r.Scalars)
		if len(st.Batches) == 1 {
			r.Loss = backend.Weigh(p.LossWeights, r.Scalars, st.Norm())
			return r, s.finish(results, p, st, &r, err)
		}
		engine.Free(results[scalarValues])
		delete(results, scalarValues)
		if grads = results; err != nil {
			return r, err
		}
	}
	r.Loss = backend.Weigh(p.LossWeights, r.Scalars, st.Norm())
	f, err := s.updateFunction(params, p)
	if err != nil {
		return r, err
	}
	if err := s.numbers(p, st, grads); err != nil {
		return r, err
	}
	if err := s.loadWide(knownLoss, []float64{r.Loss}, grads); err != nil {
		return r, err
	}
	results, err := s.advance(ctx, f, grads)
	if err != nil {
		return r, err
	}
	return r, s.finish(results, p, st, &r, nil)
}

// prepare makes sure that the slots of the state exist which the plan changes.
func (s *session) prepare(p backend.StepPlan, params []string) error {
	for _, name := range params {
		for _, slot := range optim.Slots(p.Optimiser) {
			if err := s.moment(slot, name); err != nil {
				return err
			}
		}
		if p.EMADecay > 0 {
			if err := s.average(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// micro runs a function on one micro-batch; grads are those of the micro-batches before, which it takes.
func (s *session) micro(ctx context.Context, f *engine.Function, p backend.StepPlan, st backend.Step, item feed.Item, grads map[engine.Array]engine.Buffer) (map[engine.Array]engine.Buffer, error) {
	loaded := map[engine.Array]engine.Buffer{}
	defer func() { release(loaded) }()
	if err := s.load(item.Batch, item.Inputs, loaded); err != nil {
		release(grads)
		return nil, err
	}
	if err := s.loadWeights(item.Batch, p.LossWeights, st.Norm(), loaded); err != nil {
		release(grads)
		return nil, err
	}
	if len(st.Batches) == 1 {
		if err := s.numbers(p, st, loaded); err != nil {
			return nil, err
		}
		return s.advance(ctx, f, loaded)
	}
	for a, b := range grads {
		loaded[a] = b
	}
	return s.call(ctx, f, loaded, false)
}

// numbers loads those of the update.
func (s *session) numbers(p backend.StepPlan, st backend.Step, into map[engine.Array]engine.Buffer) error {
	groups := s.parameterGroups()
	var flat []float64
	for _, g := range groups {
		c := update.Flat(optim.At(p.Optimiser, g, st.Number, st.Rate(g)).Coefficients())
		flat = append(flat, c[:]...)
	}
	if err := s.loadWide(ruleNumbers, flat, into, len(groups), update.Coefficients); err != nil {
		return err
	}
	if err := s.loadWide(clipLimit, []float64{p.Clip.Limit}, into); err != nil {
		return err
	}
	return s.loadWide(emaDecay, []float64{p.EMADecay}, into)
}

// advance runs a function that takes the state and gives a new one. Where it fails the state may be lost with it.
func (s *session) advance(ctx context.Context, f *engine.Function, loaded map[engine.Array]engine.Buffer) (map[engine.Array]engine.Buffer, error) {
	results, err := s.call(ctx, f, loaded, false)
	if err != nil {
		if backend.KindOf(err) != backend.Cancelled {
			s.forget()
		}
		return nil, err
	}
	for a := range s.state {
		if fresh := results[a]; fresh != nil {
			engine.Free(s.state[a]) // donated, but for its handle
			s.state[a] = fresh
			delete(results, a)
		}
	}
	return results, nil
}

// finish reads how the update went. The state is the old one where something was not finite.
func (s *session) finish(results map[engine.Array]engine.Buffer, p backend.StepPlan, st backend.Step, r *backend.StepResult, err error) error {
	defer release(results)
	if err != nil {
		return err
	}
	var end [3]float64
	if err := s.client.Download(results[outcome], end[:]); err != nil {
		return err
	}
	r.GradNorm, r.Clipped = end[0], end[1] != 0
	if end[2] == 0 {
		if p.NonFinite == backend.NonFiniteFail {
			return backend.Errorf(backend.Numeric, "step", "step %d: loss %v, gradient norm %v", st.Number, r.Loss, r.GradNorm)
		}
		r.NonFinite, r.Clipped = true, false
		return nil
	}
	s.steps = st.Number
	return nil
}
