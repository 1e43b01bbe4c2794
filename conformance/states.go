package conformance

import (
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// optimisers has every update rule with all of its constants in effect.
var optimisers = []struct {
	name string
	rule backend.Optimiser
	rate float64
}{
	{"momentum", backend.Optimiser{Kind: backend.SGD, Momentum: 0.9, WeightDecay: 0.1}, 1e-4},
	{"nesterov", backend.Optimiser{Kind: backend.SGD, Momentum: 0.7, Nesterov: true}, 1e-4},
	{"adam", backend.Optimiser{Kind: backend.Adam, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-3, WeightDecay: 0.5}, 1e-3},
	{"adamw", backend.Optimiser{Kind: backend.AdamW, Beta1: 0.8, Beta2: 0.95, Epsilon: 1e-3, WeightDecay: 0.5}, 1e-3},
}

// states has the cases about what SetState replaces and State returns.
func states() []Case {
	out := []Case{
		{Speaks, "params", "Params lists the program's parameters, in its order", withLedger(listsParams)},
		{Speaks, "state/every-slot", "every slot is returned as it was set: weights, both moments, momentum, moving average, buffers, step count", withLedger(everySlot)},
		{Speaks, "state/before-set", "calls that compute are invalid before a state was set", beforeState},
		{Speaks, "refuses/state-kept", "a rejected state leaves all slots as they were", withLedger(keepsState)},
		{Learns, "state/replaced", "slots that a new state does not have become zero, also those of parameters", withOracle(replacedState, backend.CanTrain, backend.CanEMA)},
		{Learns, "state/partial", "moments that a slot lacks for some parameters are zero", withOracle(partialState, backend.CanTrain)},
		{Learns, "state/own-copy", "State returns a copy, and SetState keeps one", withLedger(copiedState)},
	}
	for _, o := range optimisers {
		out = append(out, Case{Learns, "state/continues/" + o.name, "a step continues from every slot and the step number of the state that was set", withOracle(func(s *subject, theirs, mine runner, w *work) error {
			for _, r := range []runner{theirs, mine} {
				if err := r.session.SetState(s.ctx, s.fullState(w, 5)); err != nil {
					return err
				}
			}
			p := plan(theirs.ref, o.rule, o.rate, 3)
			for i := range p.Steps {
				p.Steps[i].Number = int64(6 + i)
			}
			if s.info.Has(backend.CanEMA) {
				p.EMADecay = 0.6
			}
			return s.follow(theirs, mine, p, AdaptiveWeights)
		}, backend.CanTrain)},
			Case{Reproduces, "bits/resume/" + o.name, "a state that is copied to a new session continues with the same bits in every slot", resumes(o.rule, o.rate)})
	}
	return out
}

func listsParams(_ *subject, r runner, w *work) error {
	got := r.session.Params()
	if len(got) != len(w.program.Params) {
		return fmt.Errorf("%d parameters, want %d", len(got), len(w.program.Params))
	}
	for i, q := range w.program.Params {
		g := got[i]
		if g.Name != q.Name || g.Kind != q.Kind || !slices.Equal(g.Shape, q.Shape) || g.Trainable != q.Trainable || g.Group != q.Group {
			return fmt.Errorf("parameter %d is %+v, want %+v", i, g, q)
		}
	}
	return nil
}

func everySlot(s *subject, r runner, w *work) error {
	for _, step := range []int64{7, 1 << 40, 0} { // the last one replaces the one before
		want := s.fullState(w, step)
		if err := r.session.SetState(s.ctx, want); err != nil {
			return err
		}
		got, err := r.session.State(s.ctx)
		if err != nil {
			return err
		}
		if err := sameState("a state as it was set", got, want); err != nil {
			return err
		}
	}
	return nil
}

func beforeState(s *subject) error {
	w, err := ledger(1)
	if err != nil {
		return err
	}
	session, err := s.backend.Open(s.ctx, backend.OpenOptions{Program: w.program, DType: s.target.DType, Threads: 1, Train: s.info.Has(backend.CanTrain), Devices: s.target.Devices, Strategy: s.target.Strategy})
	if err != nil {
		return err
	}
	s.sessions = append(s.sessions, session)
	id, err := session.Bind(s.ctx, w.dataset())
	if err != nil {
		return err
	}
	ref := backend.BatchRef{Dataset: id, Batch: w.batch(), LossWeights: w.losses()}
	calls := map[string]func() error{
		"Evaluate": func() error {
			return session.Evaluate(s.ctx, backend.EvalPlan{Dataset: id, Batches: []backend.Batch{w.batch()}}, collect[backend.EvalResult](nil))
		},
		"Reconstruct": func() error {
			return session.Reconstruct(s.ctx, backend.ReconPlan{Dataset: id, Batches: []backend.Batch{w.batch()}}, collect[backend.Patches](nil))
		},
	}
	if s.info.Has(backend.CanTrain) {
		calls["Step"] = func() error { return session.Step(s.ctx, plan(ref, adam, 1e-3, 1), collect[backend.StepResult](nil)) }
	}
	for name, call := range calls {
		if err := refused(name+" of a session without weights", call(), backend.Invalid); err != nil {
			return err
		}
	}
	if err := session.SetState(s.ctx, w.state()); err != nil {
		return err
	}
	return calls["Evaluate"]()
}

func keepsState(s *subject, r runner, w *work) error {
	before := s.fullState(w, 9)
	if err := r.session.SetState(s.ctx, before); err != nil {
		return err
	}
	for _, c := range []struct {
		what   string
		damage func(st *backend.State)
		want   []backend.Kind
	}{
		{"an unknown slot", func(st *backend.State) { st.Slots["luck"] = st.Slots[backend.Moment1] }, []backend.Kind{backend.Invalid}},
		{"a negative step count", func(st *backend.State) { st.Step = -1 }, []backend.Kind{backend.Invalid}},
		{"a missing buffer", func(st *backend.State) { delete(st.Slots, backend.Buffers) }, []backend.Kind{backend.Invalid}},
		{"missing weights", func(st *backend.State) { delete(st.Slots[backend.Weights], "idle") }, []backend.Kind{backend.Invalid}},
		{"a frozen weight missing", func(st *backend.State) { delete(st.Slots[backend.Weights], "frozen") }, []backend.Kind{backend.Invalid}},
		{"a moving average of only some parameters", func(st *backend.State) { delete(st.Slots[backend.EMA], "gain") }, []backend.Kind{backend.Invalid}},
		{"a moment of an unknown parameter", func(st *backend.State) { st.Slots[backend.Moment1]["phantom"] = st.Slots[backend.Moment1]["idle"] }, []backend.Kind{backend.NotFound}},
		{"a moment of a wrong shape", func(st *backend.State) { st.Slots[backend.Moment2]["gain"] = st.Slots[backend.Moment2]["idle"] }, []backend.Kind{backend.Invalid}},
		{"a real array for a complex parameter", func(st *backend.State) {
			st.Slots[backend.Velocity]["bias"] = tensor.Must(make([]float32, 64), 8, 8)
		}, []backend.Kind{backend.Invalid}},
		{"an unknown buffer", func(st *backend.State) { st.Slots[backend.Buffers]["sharp"] = st.Slots[backend.Buffers]["flat"] }, []backend.Kind{backend.NotFound}},
	} {
		bad := w.fullState(3) // other numbers in every slot
		c.damage(&bad)
		if err := refused("a state with "+c.what, r.session.SetState(s.ctx, bad), c.want...); err != nil {
			return err
		}
		got, err := r.session.State(s.ctx)
		if err != nil {
			return err
		}
		if err := sameState("after a rejected state with "+c.what, got, before); err != nil {
			return err
		}
	}
	return nil
}

// replacedState trains, then sets a state with weights only: the next steps must not see old moments or averages.
func replacedState(s *subject, theirs, mine runner, w *work) error {
	for _, o := range optimisers {
		p := plan(theirs.ref, o.rule, o.rate, 2)
		p.EMADecay = 0.5
		if err := s.follow(theirs, mine, p, AdaptiveWeights); err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
		for _, r := range []runner{theirs, mine} {
			if err := r.session.SetState(s.ctx, w.state()); err != nil {
				return err
			}
		}
		evaluate := backend.EvalPlan{Dataset: theirs.ref.Dataset, Batches: []backend.Batch{w.batch()}, EMA: true}
		if err := refused("an evaluation with a moving average that the new state does not have", theirs.session.Evaluate(s.ctx, evaluate, collect[backend.EvalResult](nil)), backend.Invalid); err != nil {
			return err
		}
		if err := s.follow(theirs, mine, p, AdaptiveWeights); err != nil {
			return fmt.Errorf("%s, after a state with weights only: %w", o.name, err)
		}
	}
	return nil
}

func partialState(s *subject, theirs, mine runner, w *work) error {
	for _, r := range []runner{theirs, mine} {
		st := w.fullState(4)
		delete(st.Slots, backend.EMA)
		delete(st.Slots[backend.Moment1], "gain")
		delete(st.Slots[backend.Moment2], "object")
		delete(st.Slots[backend.Velocity], "bias")
		if err := r.session.SetState(s.ctx, st); err != nil {
			return err
		}
	}
	for i, o := range optimisers {
		p := plan(theirs.ref, o.rule, o.rate, 1)
		p.Steps[0].Number = int64(5 + i)
		if err := s.follow(theirs, mine, p, AdaptiveWeights); err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
	}
	return nil
}

// copiedState writes into the arrays of a state after it was set, and into one that was returned.
func copiedState(s *subject, r runner, w *work) error {
	spoil := func(st backend.State) {
		for _, arrays := range st.Slots {
			for _, t := range arrays {
				b := t.Bytes()
				for i := range b {
					b[i] = 0x41
				}
			}
		}
	}
	clean, set := s.fullState(w, 2), s.fullState(w, 2)
	for slot, arrays := range set.Slots {
		for name, t := range arrays {
			c, err := tensor.FromBytes(t.DType(), slices.Clone(t.Bytes()), t.Shape()...)
			if err != nil {
				return err
			}
			set.Slots[slot][name] = c
		}
	}
	if err := r.session.SetState(s.ctx, set); err != nil {
		return err
	}
	spoil(set)
	for _, what := range []string{"after the arrays that were set were overwritten", "after a returned state was overwritten"} {
		got, err := r.session.State(s.ctx)
		if err != nil {
			return err
		}
		if err := sameState(what, got, clean); err != nil {
			return err
		}
		spoil(got)
	}
	return nil
}

// resumes compares the bits of six steps with those of three steps, a state and three more in a new session.
func resumes(rule backend.Optimiser, rate float64) func(*subject) error {
	return withLedger(func(s *subject, r runner, w *work) error {
		if err := s.need(backend.CanTrain); err != nil {
			return err
		}
		p := plan(r.ref, rule, rate, 6)
		if s.info.Has(backend.CanEMA) {
			p.EMADecay = 0.8
		}
		begin, rest := p, p
		begin.Steps, rest.Steps = p.Steps[:3], p.Steps[3:]
		if err := r.session.Step(s.ctx, p, collect[backend.StepResult](nil)); err != nil {
			return err
		}
		want, err := r.session.State(s.ctx)
		if err != nil {
			return err
		}
		var st backend.State
		for i, part := range []backend.StepPlan{begin, rest} {
			session, ref, err := s.open(w, 1)
			if err != nil {
				return err
			}
			if i > 0 {
				if err := session.SetState(s.ctx, st); err != nil {
					return err
				}
			}
			part.Dataset = ref.Dataset
			if err := session.Step(s.ctx, part, collect[backend.StepResult](nil)); err != nil {
				return err
			}
			if st, err = session.State(s.ctx); err != nil {
				return err
			}
		}
		return sameState("after a resumption", st, want)
	})
}

// notFiniteStep runs steps of which the third has a pattern with infinitely many photons: the state must be that after the second.
func notFiniteStep(s *subject, theirs, mine runner, w *work) error {
	p := plan(theirs.ref, adam, 1e-3, 4)
	if s.info.Has(backend.CanEMA) {
		p.EMADecay = 0.5
	}
	v := w.given[program.Counts]
	broken := append([]float64{}, v.Real...)
	broken[70] = math.Inf(1)
	b := w.batch()
	b.Extra[program.Counts] = tensor.Must(broken, v.Shape...)
	p.Steps[2].Batches = []backend.Batch{b}
	var got []backend.StepResult
	if err := refused("a step with infinitely many photons", theirs.session.Step(s.ctx, p, collect(&got)), backend.Numeric); err != nil {
		return err
	}
	if len(got) != 2 {
		return fmt.Errorf("%d results before the step that is not finite, want 2", len(got))
	}
	good := p
	good.Steps, good.Dataset = p.Steps[:2], mine.ref.Dataset
	if err := mine.session.Step(s.ctx, good, collect[backend.StepResult](nil)); err != nil {
		return err
	}
	if err := s.sameStates(theirs, mine, AdaptiveWeights); err != nil {
		return fmt.Errorf("after the step that is not finite: %w", err)
	}
	rest := p
	rest.Steps = p.Steps[3:] // the host skips the step
	return s.follow(theirs, mine, rest, AdaptiveWeights)
}
