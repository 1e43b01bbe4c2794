package conformance

import (
	"bytes"
	"fmt"

	"github.com/ptychogo/ptycho/core/backend"
)

var reproduces = []Case{
	{Reproduces, "bits/again", "two sessions with the same steps end with the same bits", func(s *subject) error {
		return s.sameBits(func(r runner, _ *work) error {
			return r.session.Step(s.ctx, plan(r.ref, adam, 1e-3, 4), collect[backend.StepResult](nil))
		}, 1, 1)
	}},
	{Reproduces, "bits/threads", "the bits do not depend on the number of threads", func(s *subject) error {
		return s.sameBits(func(r runner, _ *work) error {
			return r.session.Step(s.ctx, plan(r.ref, adam, 1e-3, 4), collect[backend.StepResult](nil))
		}, 1, 2)
	}},
	{Reproduces, "bits/one-call-or-many", "four steps in one call give the same bits as four calls of one step", func(s *subject) error {
		first := true
		return s.sameBits(func(r runner, _ *work) error {
			p := plan(r.ref, adam, 1e-3, 4)
			if first {
				first = false
				return r.session.Step(s.ctx, p, collect[backend.StepResult](nil))
			}
			for _, st := range p.Steps {
				one := p
				one.Steps = []backend.Step{st}
				if err := r.session.Step(s.ctx, one, collect[backend.StepResult](nil)); err != nil {
					return err
				}
			}
			return nil
		}, 1, 1)
	}},
	{Reproduces, "bits/resume", "a state that is copied to a new session continues with the same bits, moments included", func(s *subject) error {
		first := true
		return s.sameBits(func(r runner, w *work) error {
			p := plan(r.ref, adam, 1e-3, 4)
			p.EMADecay = 0
			if first {
				first = false
				return r.session.Step(s.ctx, p, collect[backend.StepResult](nil))
			}
			half := p
			half.Steps = p.Steps[:2]
			other, ref, err := s.open(w, 1)
			if err != nil {
				return err
			}
			half.Dataset = ref.Dataset
			if err := other.Step(s.ctx, half, collect[backend.StepResult](nil)); err != nil {
				return err
			}
			st, err := other.State(s.ctx)
			if err != nil {
				return err
			}
			if err := r.session.SetState(s.ctx, st); err != nil {
				return err
			}
			p.Steps = p.Steps[2:]
			return r.session.Step(s.ctx, p, collect[backend.StepResult](nil))
		}, 1, 1)
	}},
	{Reproduces, "bits/looking-changes-nothing", "evaluating and predicting between steps do not change the steps", func(s *subject) error {
		first := true
		return s.sameBits(func(r runner, _ *work) error {
			p := plan(r.ref, adam, 1e-3, 3)
			quiet := first
			first = false
			for _, st := range p.Steps {
				one := p
				one.Steps = []backend.Step{st}
				if err := r.session.Step(s.ctx, one, collect[backend.StepResult](nil)); err != nil {
					return err
				}
				if quiet {
					continue
				}
				batches := []backend.Batch{r.ref.Batch}
				if err := r.session.Evaluate(s.ctx, backend.EvalPlan{Dataset: r.ref.Dataset, Batches: batches}, collect[backend.EvalResult](nil)); err != nil {
					return err
				}
				if err := r.session.Reconstruct(s.ctx, backend.ReconPlan{Dataset: r.ref.Dataset, Batches: batches}, collect[backend.Patches](nil)); err != nil {
					return err
				}
			}
			return nil
		}, 1, 1)
	}},
	{Reproduces, "resume/elsewhere", "a state of the oracle, moments included, continues on the backend as on the oracle", func(s *subject) error {
		if err := s.need(backend.CanTrain); err != nil {
			return err
		}
		w, err := small()
		if err != nil {
			return err
		}
		theirs, mine, err := s.openBoth(w)
		if err != nil {
			return err
		}
		p := plan(mine.ref, adam, 1e-3, 6)
		begin := p
		begin.Steps = p.Steps[:3]
		if err := mine.session.Step(s.ctx, begin, collect[backend.StepResult](nil)); err != nil {
			return err
		}
		st, err := mine.session.State(s.ctx)
		if err != nil {
			return err
		}
		if err := theirs.session.SetState(s.ctx, st); err != nil {
			return err
		}
		p.Steps = p.Steps[3:]
		return s.follow(theirs, mine, p, AdaptiveWeights)
	}},
}

// sameBits runs do twice, in separate sessions with the given numbers of threads, and compares the states byte by byte. The
// weights must have changed.
func (s *subject) sameBits(do func(r runner, w *work) error, first, second int) error {
	threads := func(n int) func(*backend.OpenOptions) { return func(o *backend.OpenOptions) { o.Threads = n } }
	return s.sameBitsWith(do, threads(first), threads(second))
}

// sameBitsWith implements sameBits with two ways to open the sessions.
func (s *subject) sameBitsWith(do func(r runner, w *work) error, ask ...func(*backend.OpenOptions)) error {
	w, err := small()
	if err != nil {
		return err
	}
	return s.sameBitsOf(w, do, ask...)
}

// sameBitsOf implements sameBitsWith for any work and any number of sessions.
func (s *subject) sameBitsOf(w *work, do func(r runner, w *work) error, ask ...func(*backend.OpenOptions)) error {
	if err := s.need(backend.CanTrain); err != nil {
		return err
	}
	var states []backend.State
	for _, a := range ask {
		session, ref, err := s.openWith(w, a)
		if err != nil {
			return err
		}
		if err := do(runner{session, ref}, w); err != nil {
			return err
		}
		st, err := session.State(s.ctx)
		if err != nil {
			return err
		}
		states = append(states, st)
	}
	for i, st := range states[1:] {
		if err := sameBytes(states[0], st); err != nil {
			return fmt.Errorf("session %d and the first: %w", i+2, err)
		}
	}
	for name, a := range states[0].Slots[backend.Weights] {
		if same("", a, w.given[name]) != nil {
			return nil
		}
	}
	return fmt.Errorf("the weights did not change in %d steps", states[0].Step)
}

// sameBytes compares two states byte by byte.
func sameBytes(one, other backend.State) error {
	if one.Step != other.Step {
		return fmt.Errorf("the step counts are %d and %d", one.Step, other.Step)
	}
	for slot, arrays := range one.Slots {
		for name, a := range arrays {
			if !bytes.Equal(a.Bytes(), other.Slots[slot][name].Bytes()) {
				return fmt.Errorf("%s of %s differs", slot, name)
			}
		}
	}
	return nil
}
