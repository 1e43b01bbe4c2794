package conformance

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
)

// small returns the network for the cases that test a session and not arithmetic.
func small() (*work, error) {
	p, err := arch.Build(arch.Config{N: 16, BaseWidth: 3, FiltersScale: 1, Gridsize: 2})
	if err != nil {
		return nil, err
	}
	return newWork(p, 2, 5, 1)
}

// with opens the small network and calls look.
func with(look func(s *subject, session backend.Session, ref backend.BatchRef, w *work) error) func(*subject) error {
	return func(s *subject) error {
		w, err := small()
		if err != nil {
			return err
		}
		session, ref, err := s.open(w, 1)
		if err != nil {
			return err
		}
		return look(s, session, ref, w)
	}
}

// plan returns steps on one batch.
func plan(ref backend.BatchRef, o backend.Optimiser, rate float64, steps int) backend.StepPlan {
	p := backend.StepPlan{Dataset: ref.Dataset, Optimiser: o, LossWeights: ref.LossWeights}
	for i := range steps {
		p.Steps = append(p.Steps, backend.Step{Number: int64(i + 1), Batches: []backend.Batch{ref.Batch}, LearningRates: map[string]float64{"": rate}})
	}
	return p
}

var descent = backend.Optimiser{Kind: backend.SGD}

var speaks = []Case{
	{Speaks, "info", "a backend reports its name, its engine and the major version of the protocol, and lists its types and operations", func(s *subject) error {
		i := s.info
		if i.Name == "" || i.Version == "" || i.Engine == "" {
			return fmt.Errorf("name %q, version %q, engine %q: none may be empty", i.Name, i.Version, i.Engine)
		}
		if i.ProtocolMajor != backend.ProtocolMajor {
			return fmt.Errorf("protocol %d, but the suite uses %d", i.ProtocolMajor, backend.ProtocolMajor)
		}
		if len(i.Operations) == 0 || len(i.DTypes) == 0 {
			return fmt.Errorf("%d operations and %d types are listed, want at least one of each", len(i.Operations), len(i.DTypes))
		}
		return nil
	}},
	{Speaks, "devices", "at least one device is usable, and every other device has a reason", func(s *subject) error {
		list, err := s.backend.Devices(s.ctx)
		if err != nil {
			return err
		}
		usable := 0
		for _, d := range list {
			if d.ID == "" || d.Name == "" || d.Memory < 0 || d.Cores < 0 {
				return fmt.Errorf("a device has the identity %q, the name %q, %d bytes of memory and %d cores: none may be empty or negative", d.ID, d.Name, d.Memory, d.Cores)
			}
			if d.Usable {
				usable++
			} else if d.Reason == "" {
				return fmt.Errorf("the device %s is not usable, but its reason is missing", d.ID)
			}
		}
		if usable == 0 {
			return fmt.Errorf("none of %d devices is usable", len(list))
		}
		return nil
	}},
	{Speaks, "capabilities", "a backend supports all that it lists and rejects the rest", capabilities},
	{Speaks, "refuses/device", "a device that does not exist is unavailable", func(s *subject) error {
		w, err := small()
		if err != nil {
			return err
		}
		_, err = s.backend.Open(s.ctx, backend.OpenOptions{Program: w.program, Devices: []string{"abacus:7"}})
		return refused("the device abacus:7", err, backend.Unavailable)
	}},
	{Speaks, "refuses/program", "a program that does not validate is invalid", func(s *subject) error {
		w, err := small()
		if err != nil {
			return err
		}
		broken := *w.program
		broken.Ops = broken.Ops[1:] // the first value is read by a later operation
		_, err = s.backend.Open(s.ctx, backend.OpenOptions{Program: &broken})
		return refused("a program that reads an undefined value", err, backend.Invalid)
	}},
	{Speaks, "state/round-trip", "a state is returned as it was set", with(func(s *subject, session backend.Session, _ backend.BatchRef, w *work) error {
		given := w.state()
		given.Step = 41
		if err := session.SetState(s.ctx, given); err != nil {
			return err
		}
		got, err := session.State(s.ctx)
		if err != nil {
			return err
		}
		if got.Step != 41 {
			return fmt.Errorf("the step count is %d, want 41", got.Step)
		}
		for slot, arrays := range given.Slots {
			for name, t := range arrays {
				want, err := reference.FromTensor(t)
				if err != nil {
					return err
				}
				if err := same(fmt.Sprintf("%s of %s", slot, name), got.Slots[slot][name], want); err != nil { // the numbers are exact in float32
					return err
				}
			}
		}
		return nil
	})},
	{Speaks, "refuses/state", "a state with a weight that is missing, unknown or of a wrong shape is rejected and changes nothing", with(refusesState)},
	{Speaks, "refuses/dataset", "a dataset that is not bound is not found", with(func(s *subject, session backend.Session, ref backend.BatchRef, _ *work) error {
		evaluate := func(id backend.DatasetID) error {
			return session.Evaluate(s.ctx, backend.EvalPlan{Dataset: id, Batches: []backend.Batch{ref.Batch}}, collect[backend.EvalResult](nil))
		}
		if err := refused("a dataset that was never bound", evaluate("nothing"), backend.NotFound); err != nil {
			return err
		}
		return evaluate(ref.Dataset)
	})},
	{Speaks, "refuses/array", "an array whose shape differs from its input is invalid", with(func(s *subject, session backend.Session, _ backend.BatchRef, w *work) error {
		d := w.dataset()
		for i, a := range d.Arrays {
			if a.Input == program.Probe {
				d.Arrays[i].Value = tensor.Must(make([]complex64, 16*15), 1, 16, 15)
			}
		}
		_, err := session.Bind(s.ctx, d)
		return refused("a probe of 16×15 pixels for patterns of 16×16", err, backend.Invalid)
	})},
	{Speaks, "stored-types", "counts in a file give the same sums as uint8, uint16 and float32", with(storedTypes)},
	{Speaks, "refuses/batch", "rows outside of the dataset and incomplete groups are invalid", with(func(s *subject, session backend.Session, ref backend.BatchRef, w *work) error {
		evaluate := func(b backend.Batch) error {
			return session.Evaluate(s.ctx, backend.EvalPlan{Dataset: ref.Dataset, Batches: []backend.Batch{b}}, collect[backend.EvalResult](nil))
		}
		b := w.batch()
		b.Rows = append([]int32{1000}, b.Rows[1:]...)
		if err := refused("row 1000 of a dataset of 9 patterns", evaluate(b), backend.Invalid); err != nil {
			return err
		}
		b = w.batch()
		b.Rows, b.Offsets, b.Weights = b.Rows[1:], b.Offsets[2:], b.Weights[1:]
		if err := refused("seven patterns in groups of four", evaluate(b), backend.Invalid); err != nil {
			return err
		}
		for what, damage := range map[string]func(b *backend.Batch){
			"a pattern of weight −1":     func(b *backend.Batch) { b.Weights = append([]float32{-1}, b.Weights[1:]...) },
			"a weight that is NaN":       func(b *backend.Batch) { b.Weights = append([]float32{float32(math.NaN())}, b.Weights[1:]...) },
			"a weight that is infinite":  func(b *backend.Batch) { b.Weights = append([]float32{float32(math.Inf(1))}, b.Weights[1:]...) },
			"a weight too few":           func(b *backend.Batch) { b.Weights = b.Weights[1:] },
			"an offset too few":          func(b *backend.Batch) { b.Offsets = b.Offsets[1:] },
			"an offset too many":         func(b *backend.Batch) { b.Offsets = append(slices.Clone(b.Offsets), 0) },
			"a batch without patterns":   func(b *backend.Batch) { b.Rows, b.Offsets, b.Weights = nil, nil, nil },
			"a row below 0":              func(b *backend.Batch) { b.Rows = append([]int32{-1}, b.Rows[1:]...) },
			"the row after the last one": func(b *backend.Batch) { b.Rows = append([]int32{int32(len(w.order) + 1)}, b.Rows[1:]...) },
		} {
			b = w.batch()
			damage(&b)
			if err := refused(what, evaluate(b), backend.Invalid); err != nil {
				return err
			}
		}
		return evaluate(w.batch())
	})},
	{Speaks, "refuses/plan", "an unknown update rule is unsupported, a wrong constant or loss is invalid, and nothing changes", with(refusesPlan)},
	{Speaks, "cancel", "a call whose context has ended returns a cancelled error", with(func(s *subject, session backend.Session, ref backend.BatchRef, _ *work) error {
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		err := session.Evaluate(ctx, backend.EvalPlan{Dataset: ref.Dataset, Batches: []backend.Batch{ref.Batch, ref.Batch}}, collect[backend.EvalResult](nil))
		return refused("an evaluation whose context had ended", err, backend.Cancelled)
	})},
	{Speaks, "stop", "Stop ends the running call after its step, without an error", with(func(s *subject, session backend.Session, ref backend.BatchRef, _ *work) error {
		if err := s.need(backend.CanTrain); err != nil {
			return err
		}
		done := 0
		err := session.Step(s.ctx, plan(ref, descent, 1e-6, 2000), func(backend.StepResult) error {
			if done++; done == 2 {
				return session.Stop(s.ctx)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if done < 2 || done == 2000 {
			return fmt.Errorf("%d of 2000 steps were done, but Stop was called after 2", done)
		}
		st, err := session.State(s.ctx)
		if err == nil && st.Step < int64(done) {
			err = fmt.Errorf("%d results were sent, but the step count of the state is %d", done, st.Step)
		}
		return err
	})},
	{Speaks, "not-finite", "a gradient that is not finite is a numeric error, and the weights stay", with(notFinite)},
}

func capabilities(s *subject) error {
	w, err := small()
	if err != nil {
		return err
	}
	o := backend.OpenOptions{Program: w.program, DType: tensor.Float64}
	session, err := s.backend.Open(s.ctx, o)
	if err == nil {
		s.sessions = append(s.sessions, session)
	}
	if err := s.listed(backend.CanFloat64, "opening in it", err); err != nil {
		return err
	}
	session, ref, err := s.open(w, 1)
	if err != nil {
		return err
	}
	err = backend.Errorf(backend.Unsupported, "forward", "the session has no such method")
	if i, ok := session.(backend.Inspector); ok {
		if _, e := i.Forward(s.ctx, ref, "lambda"); e != nil {
			err = backend.Errorf(backend.KindOf(e), "forward", "%w", e)
		} else {
			err = nil
		}
	}
	if err := s.listed(backend.CanInspect, "looking at a value", err); err != nil {
		return err
	}
	stepErr := session.Step(s.ctx, plan(ref, descent, 1e-6, 1), collect[backend.StepResult](nil))
	if err := s.listed(backend.CanTrain, "a step", stepErr); err != nil {
		return err
	}
	if !s.info.Has(backend.CanTrain) {
		return refused("a step of a backend that does not train", stepErr, backend.Unsupported)
	}
	p := plan(ref, descent, 1e-6, 1)
	p.EMADecay = 0.5
	return s.listed(backend.CanEMA, "a step with it", session.Step(s.ctx, p, collect[backend.StepResult](nil)))
}

// listed checks that a call succeeds exactly when the backend lists the capability for it.
func (s *subject) listed(c backend.Capability, call string, err error) error {
	switch has := s.info.Has(c); {
	case has && err != nil:
		return fmt.Errorf("%s is listed, but %s fails: %w", c, call, err)
	case !has && err == nil:
		return fmt.Errorf("%s is not listed, but %s works", c, call)
	}
	return nil
}

func refusesState(s *subject, session backend.Session, _ backend.BatchRef, w *work) error {
	name := w.program.Params[0].Name
	for what, c := range map[string]struct {
		damage func(m map[string]tensor.Tensor)
		want   backend.Kind
	}{
		"a weight missing":          {func(m map[string]tensor.Tensor) { delete(m, name) }, backend.Invalid},
		"a weight of a wrong shape": {func(m map[string]tensor.Tensor) { m[name] = tensor.Must(make([]float32, 3), 3) }, backend.Invalid},
		"an unknown weight":         {func(m map[string]tensor.Tensor) { m["phantom"] = m[name] }, backend.NotFound},
		"a weight that is complex": {func(m map[string]tensor.Tensor) {
			m[name] = tensor.Must(make([]complex64, m[name].Len()), m[name].Shape()...)
		}, backend.Invalid},
	} {
		st := w.state()
		st.Step = 9
		c.damage(st.Slots[backend.Weights])
		if err := refused("a state with "+what, session.SetState(s.ctx, st), c.want); err != nil {
			return err
		}
	}
	st, err := session.State(s.ctx)
	if err == nil && st.Step != 0 {
		err = fmt.Errorf("a rejected state changed the step count to %d", st.Step)
	}
	return err
}

func refusesPlan(s *subject, session backend.Session, ref backend.BatchRef, w *work) error {
	if err := s.need(backend.CanTrain); err != nil {
		return err
	}
	for what, c := range map[string]struct {
		damage func(p *backend.StepPlan)
		want   backend.Kind
	}{
		"the optimiser hope":     {func(p *backend.StepPlan) { p.Optimiser.Kind = "hope" }, backend.Unsupported},
		"a momentum of 1":        {func(p *backend.StepPlan) { p.Optimiser.Momentum = 1 }, backend.Invalid},
		"an unknown loss":        {func(p *backend.StepPlan) { p.LossWeights = map[string]float64{"regret": 1} }, backend.Invalid},
		"no loss":                {func(p *backend.StepPlan) { p.LossWeights = nil }, backend.Invalid},
		"no learning rate":       {func(p *backend.StepPlan) { p.Steps[1].LearningRates = nil }, backend.Invalid},
		"a rate that is NaN":     {func(p *backend.StepPlan) { p.Steps[1].LearningRates = map[string]float64{"": math.NaN()} }, backend.Invalid},
		"a step without batches": {func(p *backend.StepPlan) { p.Steps[1].Batches = nil }, backend.Invalid},
		"a β1 of 1":              {func(p *backend.StepPlan) { p.Optimiser.Beta1 = 1 }, backend.Invalid},
		"a β2 of 1":              {func(p *backend.StepPlan) { p.Optimiser.Beta2 = 1 }, backend.Invalid},
		"a negative momentum":    {func(p *backend.StepPlan) { p.Optimiser.Momentum = -0.5 }, backend.Invalid},
		"a negative ε":           {func(p *backend.StepPlan) { p.Optimiser.Epsilon = -1e-8 }, backend.Invalid},
		"a decay that is NaN":    {func(p *backend.StepPlan) { p.Optimiser.WeightDecay = math.NaN() }, backend.Invalid},
		"an average of decay 1":  {func(p *backend.StepPlan) { p.EMADecay = 1 }, backend.Invalid},
		"the clipping hope":      {func(p *backend.StepPlan) { p.Clip = backend.Clip{Kind: "hope", Limit: 1} }, backend.Unsupported},
		"step 0":                 {func(p *backend.StepPlan) { p.Steps[0].Number = 0 }, backend.Invalid},
		"a negative rate":        {func(p *backend.StepPlan) { p.Steps[1].LearningRates = map[string]float64{"": -1e-3} }, backend.Invalid},
		"a loss of weight NaN": {func(p *backend.StepPlan) {
			p.LossWeights = map[string]float64{slices.Sorted(maps.Keys(ref.LossWeights))[0]: math.NaN()}
		}, backend.Invalid},
		"weights of 0 only": {func(p *backend.StepPlan) {
			b := w.batch()
			b.Weights = make([]float32, len(b.Rows))
			p.Steps[1].Batches = []backend.Batch{b}
		}, backend.Invalid},
		"clipping to zero": {func(p *backend.StepPlan) { p.Clip = backend.Clip{Kind: backend.ClipNorm} }, backend.Invalid},
	} {
		p := plan(ref, descent, 1e-3, 2)
		c.damage(&p)
		if err := refused("a plan with "+what, session.Step(s.ctx, p, collect[backend.StepResult](nil)), c.want); err != nil {
			return err
		}
	}
	return unchanged(s, session, w)
}

// unchanged checks that the weights equal those of the work.
func unchanged(s *subject, session backend.Session, w *work) error {
	st, err := session.State(s.ctx)
	if err != nil {
		return err
	}
	for _, q := range w.program.Params {
		if err := same("the weight "+q.Name+" after a rejected call", st.Slots[backend.Weights][q.Name], w.given[q.Name]); err != nil {
			return err
		}
	}
	return nil
}

func notFinite(s *subject, session backend.Session, ref backend.BatchRef, w *work) error {
	if err := s.need(backend.CanTrain); err != nil {
		return err
	}
	d := w.dataset()
	for _, a := range d.Arrays {
		if a.Input == program.Counts {
			counts, err := tensor.Data[float64](a.Value)
			if err != nil {
				return err
			}
			counts[int(w.order[0])*16*16+5] = math.Inf(1)
		}
	}
	id, err := session.Bind(s.ctx, d)
	if err != nil {
		return nil // rejected already
	}
	ref.Dataset = id
	if err := refused("a pattern with infinitely many photons", session.Step(s.ctx, plan(ref, descent, 1e-3, 1), collect[backend.StepResult](nil)), backend.Numeric); err != nil {
		return err
	}
	return unchanged(s, session, w)
}
