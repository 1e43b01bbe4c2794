package oracle

import (
	"context"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/optim"
	"github.com/ptychogo/ptycho/core/program"
	meaning "github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// forward computes all values for a batch whose inputs are gathered.
func (s *session) forward(ctx context.Context, b backend.Batch, inputs map[string]tensor.Tensor, ema bool) (map[string]*meaning.Value, error) {
	if s.state == nil {
		return nil, backend.Errorf(backend.Invalid, "compute", "the session has no weights yet")
	}
	if ctx.Err() != nil {
		return nil, backend.Errorf(backend.Cancelled, "compute", "%w", ctx.Err())
	}
	if err := s.fits(len(b.Rows) / s.program.Group); err != nil {
		return nil, err
	}
	given := map[string]*meaning.Value{}
	for _, slot := range []backend.Slot{backend.Weights, backend.Buffers} {
		for name, v := range s.state[slot] {
			given[name] = v
		}
	}
	if ema {
		if s.state[backend.EMA] == nil {
			return nil, backend.Errorf(backend.Invalid, "ema", "the state has no moving average of the weights")
		}
		for name, v := range s.state[backend.EMA] {
			given[name] = v
		}
	}
	for name, t := range inputs {
		var err error
		if given[name], err = meaning.FromTensor(t); err != nil {
			return nil, backend.Errorf(backend.Internal, "compute", "input %s: %w", name, err)
		}
	}
	values, err := s.machine.Forward(len(b.Rows)/s.program.Group, given)
	if err != nil {
		return nil, backend.Errorf(backend.Invalid, "compute", "%w", err)
	}
	return values, nil
}

// fits refuses a batch whose values, with the state, need more memory than is allowed.
func (s *session) fits(groups int) error {
	if s.limit == 0 {
		return nil
	}
	need := int64(0)
	for _, arrays := range s.state {
		for _, v := range arrays {
			need += 8*int64(len(v.Real)) + 16*int64(len(v.Complex))
		}
	}
	for _, op := range s.program.Ops {
		t := s.types[op.Out]
		size := int64(8) // float64
		if t.Kind == program.Complex {
			size = 16
		}
		need += size * int64(program.Count(t.Shape.At(groups)))
	}
	if need > s.limit {
		return backend.Errorf(backend.Exhausted, "compute", "the batch needs %d MiB of memory, but %d MiB are allowed: use smaller batches", need>>20, s.limit>>20)
	}
	return nil
}

// one computes all values for a single batch.
func (s *session) one(ctx context.Context, b backend.BatchRef) (map[string]*meaning.Value, error) {
	inputs, err := s.One(b.Dataset, b.Batch)
	if err != nil {
		return nil, err
	}
	return s.forward(ctx, b.Batch, inputs, false)
}

// scalars adds the weighted scalars of a batch.
func (s *session) scalars(values map[string]*meaning.Value, b backend.Batch, into map[string]backend.Sum) {
	feed.AddScalars(into, s.program, b, func(value string) []float64 { return values[value].Real })
}

// Step runs optimiser steps.
func (s *session) Step(ctx context.Context, p backend.StepPlan, emit func(backend.StepResult) error) error {
	return s.Steps(ctx, p, emit, func(st backend.Step, next func() (feed.Item, error)) (backend.StepResult, error) {
		return s.step(ctx, next, p, st)
	})
}

func (s *session) step(ctx context.Context, next func() (feed.Item, error), p backend.StepPlan, st backend.Step) (backend.StepResult, error) {
	r := backend.StepResult{Number: st.Number, Scalars: map[string]backend.Sum{}}
	if s.state == nil {
		return r, backend.Errorf(backend.Invalid, "step", "the session has no weights yet")
	}
	names := s.program.Trainable()
	total := make([]*meaning.Value, len(names))
	for i, name := range names {
		total[i] = meaning.NewValue(s.state[backend.Weights][name].Kind, s.state[backend.Weights][name].Shape)
	}
	for _, b := range st.Batches {
		item, err := next()
		if err != nil {
			return r, err
		}
		values, err := s.forward(ctx, b, item.Inputs, false)
		if err != nil {
			return r, err
		}
		s.scalars(values, b, r.Scalars)
		r.Patterns += len(b.Rows)
		for i, g := range s.gradients(values, b, p.LossWeights, st.Norm(), names) {
			for j, v := range g.Real {
				total[i].Real[j] += v
			}
			for j, v := range g.Complex {
				total[i].Complex[j] += v
			}
		}
	}
	weights, grads := make([][]float64, len(names)), make([][]float64, len(names))
	for i, name := range names {
		weights[i], grads[i] = flat(s.state[backend.Weights][name]), flat(total[i])
	}
	r.Loss = feed.Weigh(p.LossWeights, r.Scalars, st.Norm())
	r.GradNorm = optim.Norm(grads...)
	if sick := r.GradNorm + r.Loss; math.IsNaN(sick) || math.IsInf(sick, 0) {
		return r, backend.Errorf(backend.Numeric, "step", "step %d: loss %v, gradient norm %v", st.Number, r.Loss, r.GradNorm)
	}
	r.Clipped = optim.Bound(p.Clip, r.GradNorm, weights, grads)
	for i, name := range names {
		s.update(p, st, name, weights[i], grads[i])
	}
	s.steps = st.Number
	return r, nil
}

// update changes a parameter, the optimiser's state for it, and its moving average.
func (s *session) update(p backend.StepPlan, st backend.Step, name string, weights, grads []float64) {
	q, _ := s.program.Param(name)
	var slots [][]float64
	var kept []*meaning.Value
	for _, slot := range optim.Slots(p.Optimiser) {
		v := s.slot(slot, name)
		kept, slots = append(kept, v), append(slots, flat(v))
	}
	started := s.state[backend.EMA][name] != nil
	before := flat(s.state[backend.Weights][name])
	optim.Update(optim.At(p.Optimiser, st.Number, st.Rate(q.Group)), weights, grads, slots...)
	for j, v := range kept {
		unflatten(v, slots[j])
	}
	unflatten(s.state[backend.Weights][name], weights)
	if p.EMADecay > 0 {
		v := s.slot(backend.EMA, name)
		average := flat(v)
		if !started {
			average = before // the average starts at the weights before the first step
		}
		optim.Average(average, weights, p.EMADecay)
		unflatten(v, average)
	}
}

// gradients returns the gradients of the parameters after a forward pass; zeros where the loss does not depend on a
// parameter.
func (s *session) gradients(values map[string]*meaning.Value, b backend.Batch, weights map[string]float64, norm float64, names []string) []*meaning.Value {
	_, seeds := s.machine.LossSeeds(values, weights, b.Weights, norm)
	all := s.machine.Backward(values, seeds)
	out := make([]*meaning.Value, len(names))
	for i, name := range names {
		if out[i] = all[name]; out[i] == nil {
			w := s.state[backend.Weights][name]
			out[i] = meaning.NewValue(w.Kind, w.Shape)
		}
	}
	return out
}

// slot returns the array of a slot, and creates it with zeros if it is missing.
func (s *session) slot(slot backend.Slot, like string) *meaning.Value {
	if s.state[slot] == nil {
		s.state[slot] = map[string]*meaning.Value{}
	}
	if s.state[slot][like] == nil {
		w := s.state[backend.Weights][like]
		s.state[slot][like] = meaning.NewValue(w.Kind, w.Shape)
	}
	return s.state[slot][like]
}

// flat copies numbers out, complex ones as pairs.
func flat(v *meaning.Value) []float64 {
	if v.Kind != program.Complex {
		return slices.Clone(v.Real)
	}
	out := make([]float64, 0, 2*len(v.Complex))
	for _, z := range v.Complex {
		out = append(out, real(z), imag(z))
	}
	return out
}

// unflatten reverts flat.
func unflatten(v *meaning.Value, from []float64) {
	copy(v.Real, from)
	for i := range v.Complex {
		v.Complex[i] = complex(from[2*i], from[2*i+1])
	}
}

// Evaluate computes the scalars of batches.
func (s *session) Evaluate(ctx context.Context, p backend.EvalPlan, emit func(backend.EvalResult) error) error {
	return s.each(ctx, p.Dataset, p.EMA, p.Batches, func(i int, values map[string]*meaning.Value) error {
		r := backend.EvalResult{Batch: i, Scalars: map[string]backend.Sum{}}
		s.scalars(values, p.Batches[i], r.Scalars)
		return emit(r)
	})
}

// Reconstruct predicts patches.
func (s *session) Reconstruct(ctx context.Context, p backend.ReconPlan, emit func(backend.Patches) error) error {
	value, err := backend.PatchValue(s.program)
	if err != nil {
		return err
	}
	return s.each(ctx, p.Dataset, p.EMA, p.Batches, func(i int, values map[string]*meaning.Value) error {
		r, err := feed.Patches(i, s.leaving(values[value]))
		if err != nil {
			return err
		}
		return emit(r)
	})
}

// each runs batches until the end, an error or Stop.
func (s *session) each(ctx context.Context, id backend.DatasetID, ema bool, batches []backend.Batch, done func(int, map[string]*meaning.Value) error) error {
	return s.Batches(ctx, id, batches, nil, func(item feed.Item) error {
		values, err := s.forward(ctx, item.Batch, item.Inputs, ema)
		if err != nil {
			return err
		}
		return done(item.Index, values)
	})
}

// Forward returns named values for one batch.
func (s *session) Forward(ctx context.Context, b backend.BatchRef, taps ...string) (map[string]tensor.Tensor, error) {
	values, err := s.one(ctx, b)
	if err != nil {
		return nil, err
	}
	out := map[string]tensor.Tensor{}
	for _, name := range taps {
		v, ok := values[name]
		if !ok {
			return nil, backend.Errorf(backend.NotFound, "forward", "the program does not have the value %s", name)
		}
		out[name] = s.leaving(v)
	}
	return out, nil
}

// Gradient returns the loss and the gradients of parameters for one batch.
func (s *session) Gradient(ctx context.Context, b backend.BatchRef, params ...string) (backend.Loss, map[string]tensor.Tensor, error) {
	var out backend.Loss
	params, norm, err := b.Gradients(s.program, params)
	if err != nil {
		return out, nil, err
	}
	values, err := s.one(ctx, b)
	if err != nil {
		return out, nil, err
	}
	out.Scalars = map[string]backend.Sum{}
	s.scalars(values, b.Batch, out.Scalars)
	out.Value = feed.Weigh(b.LossWeights, out.Scalars, norm)
	grads := map[string]tensor.Tensor{}
	for i, g := range s.gradients(values, b.Batch, b.LossWeights, norm, params) {
		grads[params[i]] = s.leaving(g)
	}
	return out, grads, nil
}
