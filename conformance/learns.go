package conformance

import (
	"fmt"

	"github.com/ptychogo/ptycho/conformance/oracle"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
)

var adam = backend.Optimiser{Kind: backend.Adam, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-3} // an ε with a visible effect

// course is a sequence of steps that is compared with the oracle's.
type course struct {
	name, rule string
	quantity   Quantity
	need       []backend.Capability
	steps      int
	rate       float64
	optimiser  backend.Optimiser
	change     func(p *backend.StepPlan, w *work) // modifies the plan
}

var courses = []course{
	{name: "sgd/1", rule: "one step changes every weight by the rate times the gradient", quantity: StepWeights, steps: 1, rate: 1e-3, optimiser: descent},
	{name: "sgd/5", rule: "five steps of gradient descent agree with the oracle", quantity: RunWeights, steps: 5, rate: 1e-3, optimiser: descent},
	{name: "sgd/20", rule: "twenty steps of gradient descent agree with the oracle", quantity: RunWeights, steps: 20, rate: 2e-4, optimiser: descent},
	{name: "sgd/momentum", rule: "momentum accumulates a velocity", quantity: RunWeights, steps: 4, rate: 1e-3, optimiser: backend.Optimiser{Kind: backend.SGD, Momentum: 0.9}},
	{name: "sgd/nesterov", rule: "Nesterov's momentum looks ahead", quantity: RunWeights, steps: 4, rate: 1e-3, optimiser: backend.Optimiser{Kind: backend.SGD, Momentum: 0.9, Nesterov: true}},
	{name: "sgd/decay", rule: "weight decay of gradient descent is added to the gradient", quantity: RunWeights, steps: 3, rate: 1e-3, optimiser: backend.Optimiser{Kind: backend.SGD, WeightDecay: 0.5}},
	{name: "adam/1", rule: "the first step of Adam is corrected for the bias of both moments", quantity: AdaptiveWeights, steps: 1, rate: 1e-3, optimiser: adam},
	{name: "adam/8", rule: "Adam keeps both moments and adds ε outside the root", quantity: AdaptiveWeights, steps: 8, rate: 1e-3, optimiser: adam},
	{name: "adam/decay", rule: "weight decay of Adam is added to the gradient", quantity: AdaptiveWeights, steps: 3, rate: 1e-3, optimiser: backend.Optimiser{Kind: backend.Adam, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-3, WeightDecay: 2}},
	{name: "adamw/decay", rule: "weight decay of AdamW does not pass through the moments", quantity: AdaptiveWeights, steps: 3, rate: 1e-2, optimiser: backend.Optimiser{Kind: backend.AdamW, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-3, WeightDecay: 2}},
	{name: "clip/norm", rule: "clipping by norm scales the whole gradient, not each element", quantity: RunWeights, steps: 3, rate: 1e-2, optimiser: descent,
		change: func(p *backend.StepPlan, _ *work) { p.Clip = backend.Clip{Kind: backend.ClipNorm, Limit: 0.5} }},
	{name: "clip/value", rule: "clipping by value limits each element", quantity: RunWeights, steps: 3, rate: 1e-2, optimiser: descent,
		change: func(p *backend.StepPlan, _ *work) { p.Clip = backend.Clip{Kind: backend.ClipValue, Limit: 0.05} }},
	{name: "clip/adaptive", rule: "adaptive clipping limits each parameter's gradient by its weights", quantity: RunWeights, steps: 3, rate: 1e-2, optimiser: descent,
		change: func(p *backend.StepPlan, _ *work) { p.Clip = backend.Clip{Kind: backend.ClipAdaptive, Limit: 0.02} }},
	{name: "accumulate", rule: "all micro-batches of a step are added and divided by the sum of all weights", quantity: RunWeights, steps: 3, rate: 1e-3, optimiser: descent,
		change: func(p *backend.StepPlan, w *work) {
			for i := range p.Steps {
				p.Steps[i].Batches = []backend.Batch{w.part(1), w.part(0), w.part(1)}
			}
		}},
	{name: "batches-in-order", rule: "all steps run, in the plan's order", quantity: RunWeights, steps: 4, rate: 2e-3, optimiser: descent,
		change: func(p *backend.StepPlan, w *work) {
			for i := range p.Steps {
				p.Steps[i].Batches = []backend.Batch{w.part(i % 2)}
				p.Steps[i].LearningRates = map[string]float64{"": 1e-3 * float64(i+1)}
			}
		}},
	{name: "extra", rule: "an input that a batch carries replaces the dataset's, for this batch", quantity: RunWeights, steps: 3, rate: 1e-3, optimiser: descent,
		change: func(p *backend.StepPlan, w *work) {
			p.Steps[1].Batches = []backend.Batch{w.brighter().carrying(program.Counts)}
		}},
	{name: "padding", rule: "patterns of weight 0 are ignored", quantity: StepWeights, steps: 1, rate: 1e-3, optimiser: descent,
		change: func(p *backend.StepPlan, w *work) {
			b := w.batch()
			b.Weights = append([]float32{0, 1, 0, 2}, b.Weights[4:]...)
			p.Steps[0].Batches = []backend.Batch{b}
		}},
	{name: "ema", rule: "the moving average starts at the first weights and follows its decay", quantity: RunWeights, need: []backend.Capability{backend.CanEMA}, steps: 4, rate: 1e-3, optimiser: descent,
		change: func(p *backend.StepPlan, _ *work) { p.EMADecay = 0.7 }},
}

var learns = func() []Case {
	var out []Case
	for _, c := range courses {
		out = append(out, Case{Learns, "train/" + c.name, c.rule, c.run})
	}
	return append(out,
		Case{Learns, "train/rates-by-group", "each parameter group has its own learning rate, and a rate of 0 keeps its weights", ratesByGroup},
		Case{Learns, "train/state-is-read", "a step starts from the last state that was set", staleState})
}()

// run compares the results of the steps and the whole state after them.
func (c course) run(s *subject) error {
	if err := s.need(append(c.need, backend.CanTrain)...); err != nil {
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
	p := plan(theirs.ref, c.optimiser, c.rate, c.steps)
	if c.change != nil {
		c.change(&p, w)
	}
	return s.follow(theirs, mine, p, c.quantity)
}

// runner is a session with its dataset.
type runner struct {
	session backend.Session
	ref     backend.BatchRef
}

// openBoth opens the work on the backend and on the oracle, which computes in float64.
func (s *subject) openBoth(w *work) (theirs, mine runner, err error) {
	return s.openBothWith(w, func(o *backend.OpenOptions) { o.Threads = 1 })
}

// openBothWith is openBoth with other options for the backend.
func (s *subject) openBothWith(w *work, ask func(*backend.OpenOptions)) (theirs, mine runner, err error) {
	if theirs.session, theirs.ref, err = s.openWith(w, ask); err != nil {
		return theirs, mine, err
	}
	o := *s
	o.backend, o.target = oracle.New(), Target{Name: s.target.Name, DType: tensor.Float64}
	o.sessions = nil
	mine.session, mine.ref, err = o.open(w, 1)
	s.sessions = append(s.sessions, o.sessions...)
	return theirs, mine, err
}

// follow runs a plan on both and compares results and states.
func (s *subject) follow(theirs, mine runner, p backend.StepPlan, q Quantity) error {
	var got, want []backend.StepResult
	p.Dataset = theirs.ref.Dataset
	if err := theirs.session.Step(s.ctx, p, collect(&got)); err != nil {
		return err
	}
	p.Dataset = mine.ref.Dataset
	if err := mine.session.Step(s.ctx, p, collect(&want)); err != nil {
		return fmt.Errorf("the oracle: %w", err)
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d results for %d steps", len(got), len(want))
	}
	for i, r := range want {
		g := got[i]
		if g.Number != r.Number || g.Patterns != r.Patterns || g.Clipped != r.Clipped {
			return fmt.Errorf("the result of step %d has number %d, %d patterns, clipped %v; want %d, %d, %v", i+1, g.Number, g.Patterns, g.Clipped, r.Number, r.Patterns, r.Clipped)
		}
		if !(g.Waited >= 0) {
			return fmt.Errorf("step %d waited %v s for its batches, want 0 or more", r.Number, g.Waited)
		}
		if err := s.sameSums(fmt.Sprintf("step %d", r.Number), g.Scalars, r.Scalars, RunLoss); err != nil {
			return err
		}
		if err := s.near(RunLoss, fmt.Sprintf("the loss of step %d", r.Number), g.Loss, r.Loss); err != nil {
			return err
		}
		if err := s.near(RunNorm, fmt.Sprintf("the gradient's norm in step %d", r.Number), g.GradNorm, r.GradNorm); err != nil {
			return err
		}
	}
	return s.sameStates(theirs, mine, q)
}

// sameStates compares the states of both: weights and averages with the tolerance of a quantity, moments with their own.
func (s *subject) sameStates(theirs, mine runner, q Quantity) error {
	a, err := theirs.session.State(s.ctx)
	if err != nil {
		return err
	}
	b, err := mine.session.State(s.ctx)
	if err != nil {
		return err
	}
	if a.Step != b.Step {
		return fmt.Errorf("the state has a step count of %d, want %d", a.Step, b.Step)
	}
	for slot, arrays := range b.Slots {
		quantity := q
		if slot != backend.Weights && slot != backend.EMA {
			quantity = RunMoments
		}
		for name, t := range arrays {
			want, err := reference.FromTensor(t)
			if err != nil {
				return err
			}
			g, ok := a.Slots[slot][name]
			if !ok {
				return fmt.Errorf("%s of %s is missing in the state", slot, name)
			}
			if err := s.compare(quantity, fmt.Sprintf("%s of %s after step %d", slot, name, b.Step), g, want, 1e-3); err != nil {
				return err
			}
		}
	}
	return nil
}

// ratesByGroup trains the small network with its parameters in three groups.
func ratesByGroup(s *subject) error {
	if err := s.need(backend.CanTrain); err != nil {
		return err
	}
	w, err := small()
	if err != nil {
		return err
	}
	rates := map[string]float64{"": 1e-3, "slow": 2e-4, "fixed": 0}
	groups := []string{"", "slow", "fixed"}
	for i := range w.program.Params {
		w.program.Params[i].Group = groups[i%len(groups)]
	}
	theirs, mine, err := s.openBoth(w)
	if err != nil {
		return err
	}
	p := plan(theirs.ref, adam, 0, 3)
	for i := range p.Steps {
		p.Steps[i].LearningRates = rates
	}
	return s.follow(theirs, mine, p, AdaptiveWeights)
}

// staleState sets another state between steps, which detects backends that keep a copy of the old weights.
func staleState(s *subject) error {
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
	if err := s.follow(theirs, mine, plan(theirs.ref, descent, 1e-2, 2), RunWeights); err != nil {
		return err
	}
	for _, r := range []runner{theirs, mine} {
		if err := r.session.SetState(s.ctx, w.state()); err != nil {
			return err
		}
	}
	return s.follow(theirs, mine, plan(theirs.ref, descent, 1e-3, 1), StepWeights)
}
