package backend

import (
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
)

// checkPlan refuses a plan before its first step: what is wrong with the last step is better known now.
func (s *session[T]) checkPlan(p backend.StepPlan) error {
	if err := s.checkLosses("step", p.LossWeights); err != nil {
		return err
	}
	o := p.Optimiser
	switch {
	case !slices.Contains([]backend.OptimiserKind{backend.Adam, backend.AdamW, backend.SGD}, o.Kind):
		return backend.Errorf(backend.Unsupported, "step", "unknown optimiser %q", o.Kind)
	case !(o.Beta1 >= 0 && o.Beta1 < 1 && o.Beta2 >= 0 && o.Beta2 < 1 && o.Epsilon >= 0 && o.Momentum >= 0 && o.Momentum < 1):
		return backend.Errorf(backend.Invalid, "step", "beta1 %v, beta2 %v, momentum %v, epsilon %v: want 0 … 1 without 1, and epsilon 0 or more", o.Beta1, o.Beta2, o.Momentum, o.Epsilon)
	case !finite(o.Epsilon) || !finite(o.WeightDecay):
		return backend.Errorf(backend.Invalid, "step", "epsilon %v and weight decay %v must be finite", o.Epsilon, o.WeightDecay)
	case !slices.Contains([]backend.ClipKind{backend.ClipNone, backend.ClipNorm, backend.ClipValue, backend.ClipAdaptive}, p.Clip.Kind):
		return backend.Errorf(backend.Unsupported, "step", "unknown clipping %q", p.Clip.Kind)
	case p.Clip.Kind != backend.ClipNone && !(p.Clip.Limit > 0):
		return backend.Errorf(backend.Invalid, "step", "clipping to %v, want a limit above 0", p.Clip.Limit)
	case !(p.EMADecay >= 0 && p.EMADecay < 1):
		return backend.Errorf(backend.Invalid, "step", "a moving average with decay %v, want 0 … 1 without 1", p.EMADecay)
	case p.NonFinite != backend.NonFiniteFail && p.NonFinite != backend.NonFiniteSkip:
		return backend.Errorf(backend.Unsupported, "step", "unknown policy %d for what is not finite", p.NonFinite)
	}
	for group, d := range o.GroupDecay {
		if !finite(d) {
			return backend.Errorf(backend.Invalid, "step", "weight decay %v of group %q", d, group)
		}
	}
	for _, st := range p.Steps {
		if err := s.checkStep(st); err != nil {
			return err
		}
	}
	return nil
}

func (s *session[T]) checkStep(st backend.Step) error {
	for _, b := range st.Batches {
		if _, err := s.groups(b); err != nil {
			return err
		}
	}
	norm := normaliser(st.Normaliser, st.Batches)
	if len(st.Batches) == 0 || st.Number < 1 || !(norm > 0) || !finite(norm) {
		return backend.Errorf(backend.Invalid, "step", "step %d of %d micro-batches, normalised by %v: all must be above 0", st.Number, len(st.Batches), norm)
	}
	for _, q := range s.program.Params {
		_, own := st.LearningRates[q.Group]
		_, general := st.LearningRates[""]
		if r := rate(st, q.Group); q.Trainable && (!own && !general || !(r >= 0) || !finite(r)) {
			return backend.Errorf(backend.Invalid, "step", "step %d has no learning rate of 0 or more for the parameter group %q", st.Number, q.Group)
		}
	}
	return nil
}

// checkLosses refuses weights of what is no loss of the program, and a loss of nothing.
func (s *session[T]) checkLosses(op string, weights map[string]float64) error {
	known := map[string]bool{}
	for _, sc := range s.program.Scalars {
		known[sc.Name] = sc.Loss
	}
	for name, w := range weights {
		if !known[name] {
			return backend.Errorf(backend.Invalid, op, "the program has no loss %s", name)
		}
		if !finite(w) {
			return backend.Errorf(backend.Invalid, op, "the weight of the loss %s is %v", name, w)
		}
	}
	if len(active(weights)) == 0 {
		return backend.Errorf(backend.Invalid, op, "no loss has a weight")
	}
	return nil
}
