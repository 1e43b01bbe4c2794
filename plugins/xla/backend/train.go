package backend

import (
	"context"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// Step runs optimiser steps.
func (s *session) Step(ctx context.Context, p backend.StepPlan, emit func(backend.StepResult) error) error {
	return s.Steps(ctx, p, emit, func(st backend.Step, next func() (feed.Item, error)) (backend.StepResult, error) {
		return s.step(ctx, next, p, st)
	})
}

// buffers holds arrays on the device by name.
type buffers = map[engine.Array]engine.Buffer

// step runs one optimiser step.
func (s *session) step(ctx context.Context, next func() (feed.Item, error), p backend.StepPlan, st backend.Step) (backend.StepResult, error) {
	r := backend.StepResult{Number: st.Number, Scalars: map[string]backend.Sum{}}
	if err := s.requireWeights(); err != nil {
		return r, err
	}
	if err := s.prepare(p, s.program.Trainable()); err != nil {
		return r, err
	}
	do := s.accumulated
	if len(st.Batches) == 1 && !s.shards {
		do = s.fused
	}
	err := do(ctx, next, p, st, &r)
	return r, err
}

// fused runs a step on one batch that is not cut into shards: one function computes the new state from the batch.
func (s *session) fused(ctx context.Context, next func() (feed.Item, error), p backend.StepPlan, st backend.Step, r *backend.StepResult) error {
	item, err := next()
	if err != nil {
		return err
	}
	f, err := s.stepFunction(s.groups(item.Batch), feed.Active(p.LossWeights), s.program.Trainable(), p)
	if err != nil {
		return err
	}
	loaded := buffers{}
	defer release(loaded)
	if err := s.load(item.Batch, item.Inputs, loaded); err != nil {
		return err
	}
	if err := s.loadWeights(item.Batch, p.LossWeights, st.Norm(), loaded); err != nil {
		return err
	}
	if err := s.numbers(p, st, loaded); err != nil {
		return err
	}
	results, err := s.advance(ctx, f, loaded)
	if err != nil {
		return err
	}
	defer release(results)
	if err := s.count(results, item.Batch, r); err != nil {
		return err
	}
	r.Loss = feed.Weigh(p.LossWeights, r.Scalars, st.Norm())
	return s.finish(results, p, st, r)
}

// accumulated runs a step on micro-batches or shards: it adds their gradients in order, then updates the weights once.
func (s *session) accumulated(ctx context.Context, next func() (feed.Item, error), p backend.StepPlan, st backend.Step, r *backend.StepResult) error {
	sum := buffers{} // of the gradients so far
	defer func() { release(sum) }()
	for i := range st.Batches {
		item, err := next()
		if err != nil {
			return err
		}
		g := gradients{item.Batch, item.Inputs, p.LossWeights, st.Norm(), s.program.Trainable(), i > 0}
		results, err := s.gradients(ctx, g, sum) // donates the sum and returns the new one
		if err != nil {
			return err
		}
		release(sum)
		sum = results
		if err := s.count(results, item.Batch, r); err != nil {
			return err
		}
	}
	r.Loss = feed.Weigh(p.LossWeights, r.Scalars, st.Norm())
	f, err := s.updateFunction(s.program.Trainable(), p)
	if err != nil {
		return err
	}
	if err := s.numbers(p, st, sum); err != nil {
		return err
	}
	if err := s.loadWide(knownLoss, []float64{r.Loss}, sum); err != nil {
		return err
	}
	results, err := s.advance(ctx, f, sum)
	if err != nil {
		return err
	}
	defer release(results)
	return s.finish(results, p, st, r)
}

// groups returns the number of groups in a batch.
func (s *session) groups(b backend.Batch) int { return len(b.Rows) / s.program.Group }

// count adds the scalars of a micro-batch to those of the step.
func (s *session) count(results buffers, b backend.Batch, r *backend.StepResult) error {
	r.Patterns += len(b.Rows)
	return s.scalars(results, b, r.Scalars)
}

// prepare adds the missing slots of the state that the plan changes.
func (s *session) prepare(p backend.StepPlan, params []string) error {
	for _, name := range params {
		for _, slot := range (optimiserRule{Optimiser: p.Optimiser}).Slots() {
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

// numbers loads the numbers of the update.
func (s *session) numbers(p backend.StepPlan, st backend.Step, into buffers) error {
	optimiser, groups := optimiserRule{Optimiser: p.Optimiser}, s.parameterGroups()
	var flat []float64
	for _, g := range groups {
		c := optimiser.Numbers(st.Number, st.Rate(g))
		flat = append(flat, c[:]...)
	}
	if err := s.loadWide(ruleNumbers, flat, into, len(groups), coefficients); err != nil {
		return err
	}
	if err := s.loadWide(clipLimit, []float64{p.Clip.Limit}, into); err != nil {
		return err
	}
	return s.loadWide(emaDecay, []float64{p.EMADecay}, into)
}

// advance runs a function that donates the state and returns a new one. If it fails the state is lost, unless it was cancelled.
func (s *session) advance(ctx context.Context, f *engine.Function, loaded buffers) (buffers, error) {
	results, err := s.call(ctx, f, 1, loaded, false)
	if err != nil {
		if backend.KindOf(err) != backend.Cancelled {
			s.freeState()
		}
		return nil, err
	}
	for a := range s.state {
		if fresh := results[a]; fresh != nil {
			engine.Free(s.state[a]) // donated; this frees the handle
			s.state[a] = fresh
			delete(results, a)
		}
	}
	return results, nil
}

// finish reads the outcome of the update. The state did not change if the loss or a gradient was not finite.
func (s *session) finish(results buffers, p backend.StepPlan, st backend.Step, r *backend.StepResult) error {
	var end [3]float64
	if err := s.client.Download(results[outcome], end[:]); err != nil {
		return err
	}
	r.GradNorm, r.Clipped = end[0], end[1] != 0
	if end[2] == 0 {
		return backend.Errorf(backend.Numeric, "step", "step %d: loss %v, gradient norm %v", st.Number, r.Loss, r.GradNorm)
	}
	s.steps = st.Number
	return nil
}
