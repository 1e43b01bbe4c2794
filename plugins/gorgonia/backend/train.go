package backend

import (
	"context"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/optim"
	"github.com/ptychogo/ptycho/plugins/gorgonia/lower"
	"github.com/ptychogo/ptycho/plugins/gorgonia/pool"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// Step runs optimiser steps.
func (s *session[T]) Step(ctx context.Context, p backend.StepPlan, emit func(backend.StepResult) error) error {
	s.stop.Store(false)
	set, err := s.dataset(p.Dataset)
	if err != nil {
		return err
	}
	if err := s.checkPlan(p); err != nil {
		return err
	}
	for _, st := range p.Steps {
		if s.stop.Load() {
			return nil
		}
		r, err := s.step(ctx, set, p, st)
		if err != nil {
			return err
		}
		if err := emit(r); err != nil {
			return err
		}
	}
	return nil
}

func (s *session[T]) checkPlan(p backend.StepPlan) error {
	known := map[string]bool{}
	for _, sc := range s.program.Scalars {
		known[sc.Name] = sc.Loss
	}
	active := 0
	for name, w := range p.LossWeights {
		if loss, ok := known[name]; !ok || !loss {
			return backend.Errorf(backend.Invalid, "step", "the program has no loss %s", name)
		}
		if w != 0 {
			active++
		}
	}
	switch {
	case active == 0:
		return backend.Errorf(backend.Invalid, "step", "no loss has a weight")
	case !slices.Contains([]backend.OptimiserKind{backend.Adam, backend.AdamW, backend.SGD}, p.Optimiser.Kind):
		return backend.Errorf(backend.Unsupported, "step", "unknown optimiser %q", p.Optimiser.Kind)
	case !slices.Contains([]backend.ClipKind{backend.ClipNone, backend.ClipNorm, backend.ClipValue, backend.ClipAdaptive}, p.Clip.Kind):
		return backend.Errorf(backend.Unsupported, "step", "unknown clipping %q", p.Clip.Kind)
	case p.Clip.Kind != backend.ClipNone && !(p.Clip.Limit > 0):
		return backend.Errorf(backend.Invalid, "step", "clipping to %v, want a limit above 0", p.Clip.Limit)
	}
	return nil
}

// trainable lists the parameters that steps change.
func (s *session[T]) trainable() []string {
	var out []string
	for _, q := range s.program.Params {
		if q.Trainable {
			out = append(out, q.Name)
		}
	}
	return out
}

func active(weights map[string]float64) []string {
	var out []string
	for name, w := range weights {
		if w != 0 {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// normaliser is what the loss of a step is divided by.
func normaliser(given float64, batches []backend.Batch) float64 {
	if given != 0 {
		return given
	}
	for _, b := range batches {
		if b.Weights == nil {
			given += float64(len(b.Rows))
		}
		for _, w := range b.Weights {
			given += float64(w)
		}
	}
	return given
}

// step accumulates the gradients of the micro-batches in order, clips them and updates the weights.
func (s *session[T]) step(ctx context.Context, set *feed.Set, p backend.StepPlan, st backend.Step) (backend.StepResult, error) {
	r := backend.StepResult{Number: st.Number, Scalars: map[string]backend.Sum{}}
	norm := normaliser(st.Normaliser, st.Batches)
	if len(st.Batches) == 0 || st.Number < 1 || !(norm > 0) {
		return r, backend.Errorf(backend.Invalid, "step", "step %d of %d micro-batches, normalised by %v: all must be above 0", st.Number, len(st.Batches), norm)
	}
	names := s.trainable()
	grads := make([][]T, len(names))
	for i, b := range st.Batches {
		m, err := s.backward(ctx, set, b, p.LossWeights, norm, names)
		if err != nil {
			return r, err
		}
		s.scalars(m, r.Scalars)
		r.Patterns += len(b.Rows)
		for j, name := range names {
			g := s.gradient(m, name)
			switch {
			case len(st.Batches) == 1:
				grads[j] = g
			case i == 0:
				grads[j] = pool.Borrow[T](s.env.Pool, len(g))
				defer pool.Return(s.env.Pool, grads[j])
				copy(grads[j], g)
			default:
				for k, v := range g {
					grads[j][k] += v
				}
			}
		}
	}
	for _, l := range active(p.LossWeights) {
		r.Loss += p.LossWeights[l] * r.Scalars[l].Sum / norm
	}
	r.GradNorm = optim.Norm(grads...)
	if math.IsNaN(r.GradNorm) || math.IsInf(r.GradNorm, 0) || math.IsNaN(r.Loss) || math.IsInf(r.Loss, 0) {
		if p.NonFinite == backend.NonFiniteFail {
			return r, backend.Errorf(backend.Numeric, "step", "step %d: loss %v, gradient norm %v", st.Number, r.Loss, r.GradNorm)
		}
		r.NonFinite = true
		s.steps = st.Number
		return r, nil
	}
	s.update(p, st, names, grads, &r)
	s.steps = st.Number
	return r, nil
}

// backward runs forward and backward for one batch.
func (s *session[T]) backward(ctx context.Context, set *feed.Set, b backend.Batch, weights map[string]float64, norm float64, params []string) (*machine[T], error) {
	groups, err := s.groups(b)
	if err != nil {
		return nil, err
	}
	losses := active(weights)
	m, err := s.machine(lower.Request{Groups: groups, Values: s.scalarValues(), Losses: losses, Params: params})
	if err != nil {
		return nil, err
	}
	for _, l := range losses {
		m.seeds[l][0] = T(weights[l] / norm)
	}
	return m, s.run(ctx, m, set, b)
}

// gradient is that of a parameter after backward; zero where the loss does not depend on it.
func (s *session[T]) gradient(m *machine[T], name string) []T {
	if n, ok := m.graph.Grads[name]; ok {
		return m.Machine.Value(n)
	}
	return make([]T, len(s.state[backend.Weights][name].data))
}

// update applies clipping, the update rule and the moving average.
func (s *session[T]) update(p backend.StepPlan, st backend.Step, names []string, grads [][]T, r *backend.StepResult) {
	weights := make([][]T, len(names))
	for i, name := range names {
		weights[i] = s.state[backend.Weights][name].data
	}
	r.Clipped = optim.Bound(p.Clip, r.GradNorm, weights, grads)
	slots := optim.Slots(p.Optimiser)
	for i, name := range names {
		q, _ := s.program.Param(name)
		state := make([][]T, len(slots))
		for j, slot := range slots {
			state[j] = s.slot(slot, name)
		}
		rate, ok := st.LearningRates[q.Group]
		if !ok {
			rate = st.LearningRates[""]
		}
		if p.EMADecay > 0 && s.state[backend.EMA][name].data == nil {
			copy(s.slot(backend.EMA, name), weights[i]) // the average starts at the weights before the first step
		}
		optim.Update(optim.At(p.Optimiser, q.Group, st.Number, rate), weights[i], grads[i], state...)
		if p.EMADecay > 0 {
			optim.Average(s.slot(backend.EMA, name), weights[i], p.EMADecay)
		}
	}
}
