package conformance

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
)

// ledgerCourses are sequences of steps of the ledger, compared with the oracle's.
var ledgerCourses = []course{
	{name: "sgd", rule: "gradient descent changes real and complex parameters, and keeps frozen ones", steps: 3, rate: 1e-4, optimiser: descent},
	{name: "groups", rule: "each parameter group has its own learning rate; a group without one has the default rate", steps: 3, optimiser: adam,
		change: func(p *backend.StepPlan, _ *work) {
			for i := range p.Steps {
				p.Steps[i].LearningRates = map[string]float64{"": 1e-3, "slow": 1e-4 * float64(i), "object": 3e-3}
			}
			p.Steps[1].LearningRates = map[string]float64{"": 2e-3, "object": 0}
		}},
	{name: "group-decay", rule: "decoupled weight decay is scaled by the rate of the parameter's group", steps: 3, optimiser: backend.Optimiser{Kind: backend.AdamW, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-3, WeightDecay: 3},
		change: func(p *backend.StepPlan, _ *work) {
			for i := range p.Steps {
				p.Steps[i].LearningRates = map[string]float64{"": 1e-3, "slow": 1e-2, "object": 3e-3}
			}
		}},
	{name: "one-loss", rule: "a loss without a weight, or with weight 0, has no gradient", steps: 2, rate: 1e-4, optimiser: descent,
		change: func(p *backend.StepPlan, _ *work) { p.LossWeights = map[string]float64{"amplitude": 2, "mean": 0} }},
	{name: "negative-loss", rule: "a loss may have a negative weight", steps: 2, rate: 1e-4, optimiser: descent,
		change: func(p *backend.StepPlan, _ *work) { p.LossWeights = map[string]float64{"poisson": 0.5, "mean": -0.25} }},
	{name: "clip-norm", rule: "the norm that is clipped counts real and imaginary parts of all trainable parameters", steps: 2, rate: 1e-3, optimiser: descent,
		change: func(p *backend.StepPlan, _ *work) { p.Clip = backend.Clip{Kind: backend.ClipNorm, Limit: 0.1} }},
	{name: "clip-value", rule: "clipping by value limits real and imaginary parts", steps: 2, rate: 1e-3, optimiser: descent,
		change: func(p *backend.StepPlan, _ *work) { p.Clip = backend.Clip{Kind: backend.ClipValue, Limit: 0.01} }},
	{name: "clip-adaptive", rule: "adaptive clipping compares norms of whole parameters, and a small weight counts as 1e-3", steps: 2, rate: 1e-3, optimiser: descent,
		change: func(p *backend.StepPlan, _ *work) { p.Clip = backend.Clip{Kind: backend.ClipAdaptive, Limit: 0.01} }},
	{name: "clip-loose", rule: "a limit that no gradient reaches changes nothing and is not reported", steps: 2, rate: 1e-4, optimiser: descent,
		change: func(p *backend.StepPlan, _ *work) { p.Clip = backend.Clip{Kind: backend.ClipNorm, Limit: 1e9} }},
	{name: "micro-batches", rule: "micro-batches of different sizes and weights are added, over the sum of all weights", steps: 3, rate: 1e-4, optimiser: descent,
		change: func(p *backend.StepPlan, w *work) {
			p.Steps[0].Batches = []backend.Batch{w.part(0, 1), w.part(2)}
			p.Steps[1].Batches = []backend.Batch{w.part(2), w.part(2), w.part(1, 0, 2), w.part(0, 1)}
			p.Steps[2].Batches = []backend.Batch{w.part(1)}
		}},
	{name: "weights", rule: "patterns of weight 0 are ignored, weights that are missing are 1, and both may alternate", steps: 4, rate: 1e-4, optimiser: descent,
		change: func(p *backend.StepPlan, w *work) {
			zeros, none := w.batch(), w.batch()
			zeros.Weights, none.Weights = []float32{0, 2, 0, 0, 1, 0}, nil
			p.Steps[1].Batches, p.Steps[2].Batches, p.Steps[3].Batches = []backend.Batch{zeros}, []backend.Batch{none}, []backend.Batch{none, zeros, none}
		}},
	{name: "numbers", rule: "the bias correction uses the number of the step, which need not follow the one before", steps: 3, rate: 1e-3, optimiser: adam,
		change: func(p *backend.StepPlan, _ *work) {
			p.Steps[0].Number, p.Steps[1].Number, p.Steps[2].Number = 3, 4, 900
		}},
	{name: "ema", rule: "the moving average covers every trainable parameter, after the update", need: []backend.Capability{backend.CanEMA}, steps: 3, rate: 1e-3, optimiser: adam,
		change: func(p *backend.StepPlan, _ *work) { p.EMADecay = 0.9 }},
	{name: "repeated-rows", rule: "a pattern may occur more than once in a batch", steps: 2, rate: 1e-4, optimiser: descent,
		change: func(p *backend.StepPlan, w *work) {
			b := w.batch()
			b.Rows = slices.Clone(b.Rows)
			b.Rows[1], b.Rows[4] = b.Rows[0], b.Rows[0]
			p.Steps[1].Batches = []backend.Batch{b}
		}},
}

// runLedger compares the steps of the ledger with the oracle's.
func (c course) runLedger() func(*subject) error {
	return withOracle(func(s *subject, theirs, mine runner, w *work) error {
		p := plan(theirs.ref, c.optimiser, c.rate, c.steps)
		if c.change != nil {
			c.change(&p, w)
		}
		return s.follow(theirs, mine, p, AdaptiveWeights)
	}, append(slices.Clone(c.need), backend.CanTrain)...)
}

// plansCases has the cases about the contents of plans and of answers.
func plansCases() []Case {
	var out []Case
	for _, c := range ledgerCourses {
		out = append(out, Case{Learns, "train/ledger/" + c.name, c.rule, c.runLedger()})
	}
	return append(out,
		Case{Learns, "train/ema-begins", "a moving average that begins later starts at the weights before its first step, and its decay may change", withOracle(lateAverage, backend.CanTrain, backend.CanEMA)},
		Case{Learns, "train/not-finite", "a step that is not finite leaves step count, weights, moments and moving average as they were", withOracle(notFiniteStep, backend.CanTrain)},
		Case{Learns, "train/emit", "an error of emit ends the call, is returned, and the steps until then count", withOracle(failingEmit, backend.CanTrain)},
		Case{Learns, "evaluate/ema", "Evaluate and Reconstruct use the moving average when asked, also after one that fails, and never change it", withOracle(usesAverage, backend.CanTrain, backend.CanEMA)},
		Case{Computes, "evaluate/scalars", "every scalar has the sum and the count of the patterns' weights, and padding may hold NaN", withOracle(everyScalar)},
		Case{Computes, "gradient/named", "Gradient returns the loss, its scalars and the gradients of the named parameters, frozen ones too", withLedger(namedGradients)},
		Case{Computes, "precision", "every precision that is listed is computed in that precision", precision},
		Case{Computes, "forward-only", "a session that is opened without training evaluates and reconstructs", forwardOnly},
	)
}

func lateAverage(s *subject, theirs, mine runner, _ *work) error {
	p := plan(theirs.ref, adam, 1e-3, 6)
	for i, decay := range []float64{0, 0.9, 0.5} {
		part := p
		part.Steps, part.EMADecay = p.Steps[2*i:2*i+2], decay
		if err := s.follow(theirs, mine, part, AdaptiveWeights); err != nil {
			return fmt.Errorf("decay %v: %w", decay, err)
		}
	}
	return nil
}

var errEmit = errors.New("the receiver of results fails")

func failingEmit(s *subject, theirs, mine runner, w *work) error {
	p := plan(theirs.ref, adam, 1e-3, 5)
	done := 0
	err := theirs.session.Step(s.ctx, p, func(backend.StepResult) error {
		if done++; done == 2 {
			return errEmit
		}
		return nil
	})
	if err == nil {
		return errors.New("the error of emit was not returned")
	}
	st, err := theirs.session.State(s.ctx)
	if err != nil {
		return err
	}
	if st.Step < 2 { // a backend in another process may be ahead of the receiver
		return fmt.Errorf("2 results were received, but the step count is %d", st.Step)
	}
	// After a new state everything goes on as if nothing had happened.
	for _, r := range []runner{theirs, mine} {
		if err := r.session.SetState(s.ctx, w.state()); err != nil {
			return err
		}
	}
	return s.follow(theirs, mine, p, AdaptiveWeights)
}

func usesAverage(s *subject, theirs, mine runner, w *work) error {
	p := plan(theirs.ref, adam, 1e-2, 3)
	p.EMADecay = 0.8
	if err := s.follow(theirs, mine, p, AdaptiveWeights); err != nil {
		return err
	}
	before, err := theirs.session.State(s.ctx)
	if err != nil {
		return err
	}
	batches := []backend.Batch{w.batch(), w.part(1)}
	for _, ema := range []bool{true, false, true} {
		if err := s.evaluated(fmt.Sprintf("moving average %v", ema), theirs, mine, ema, batches...); err != nil {
			return err
		}
		if err := s.reconstructed(fmt.Sprintf("moving average %v", ema), theirs, mine, ema, batches...); err != nil {
			return err
		}
		err := theirs.session.Evaluate(s.ctx, backend.EvalPlan{Dataset: theirs.ref.Dataset, Batches: batches, EMA: ema}, func(backend.EvalResult) error { return errEmit })
		if err == nil {
			return errors.New("the error of emit was not returned by Evaluate")
		}
		wrong := w.batch()
		wrong.Rows = append([]int32{1000}, wrong.Rows[1:]...)
		err = theirs.session.Reconstruct(s.ctx, backend.ReconPlan{Dataset: theirs.ref.Dataset, Batches: []backend.Batch{w.batch(), wrong}, EMA: ema}, collect[backend.Patches](nil))
		if err := refused("row 1000", err, backend.Invalid); err != nil {
			return err
		}
		after, err := theirs.session.State(s.ctx)
		if err != nil {
			return err
		}
		if err := sameState("after evaluating", after, before); err != nil {
			return err
		}
	}
	p.Steps = plan(theirs.ref, adam, 1e-2, 5).Steps[3:]
	return s.follow(theirs, mine, p, AdaptiveWeights)
}

func everyScalar(s *subject, theirs, mine runner, w *work) error {
	zeros, none := w.batch(), w.batch()
	zeros.Weights, none.Weights = []float32{0.25, 2, 0, 0, 1, 0}, nil
	if err := s.evaluated("a batch", theirs, mine, false, w.batch(), zeros, none, w.part(2), w.part(1, 2), none, w.batch(), w.part(0)); err != nil {
		return err
	}
	padded := w.batch()
	padded.Weights = []float32{1, 2, 0, 0.5, 1, 3}
	v := w.given[program.Counts]
	counts := slices.Clone(v.Real)
	for i := 2 * 64; i < 3*64; i++ {
		counts[i] = math.NaN()
	}
	padded.Extra[program.Counts] = tensor.Must(counts, v.Shape...)
	if err := s.evaluated("a batch with NaN in a pattern of weight 0", theirs, mine, false, padded, w.batch()); err != nil {
		return err
	}
	return s.reconstructed("batches of different sizes", theirs, mine, false, w.batch(), w.part(1), w.part(2, 0), none)
}

func namedGradients(s *subject, r runner, w *work) error {
	if err := s.need(backend.CanInspect); err != nil {
		return err
	}
	look, err := inspector(r.session)
	if err != nil {
		return err
	}
	want, err := w.truth(r.ref)
	if err != nil {
		return err
	}
	_, err = look.Forward(s.ctx, r.ref, "phantom")
	if err := refused("an unknown value", err, backend.NotFound); err != nil {
		return err
	}
	for _, names := range [][]string{{"frozen", "bias"}, {"idle"}, {"object", "object"}, nil} {
		loss, grads, err := look.Gradient(s.ctx, r.ref, names...)
		if err != nil && s.withoutGradients(err) {
			return &skip{"the backend does not support gradients", noGradients}
		}
		if err != nil {
			return err
		}
		if err := s.near(LossValue, "the loss", loss.Value, want.loss); err != nil {
			return err
		}
		if len(loss.Scalars) != len(w.program.Scalars) {
			return fmt.Errorf("Gradient returns %d scalars, want %d", len(loss.Scalars), len(w.program.Scalars))
		}
		if names == nil {
			names = w.program.Trainable()
		}
		for _, name := range names {
			q, _ := w.program.Param(name)
			v := want.grads[name]
			if v == nil {
				v = reference.NewValue(q.Kind, q.Shape)
			}
			g, ok := grads[name]
			if !ok {
				return fmt.Errorf("the gradient of %s, which was asked for, is missing", name)
			}
			if err := s.compare(OperationGradient, "the gradient of "+name, g, v, 0); err != nil {
				return err
			}
		}
	}
	_, _, err = look.Gradient(s.ctx, r.ref, "phantom")
	return refused("the gradient of an unknown parameter", err, backend.NotFound)
}

// precision compares a few programs in every precision that the backend lists, each with the tolerances of that precision.
func precision(s *subject) error {
	if err := s.need(backend.CanInspect); err != nil {
		return err
	}
	for _, d := range s.info.DTypes {
		if d == s.dtype() {
			continue // the other cases use it
		}
		one := *s
		one.target.DType, one.sessions, one.measured = d, nil, nil
		err := one.inPrecision()
		s.sessions = append(s.sessions, one.sessions...)
		if err != nil {
			return fmt.Errorf("in %v: %w", d, err)
		}
	}
	return nil
}

func (s *subject) inPrecision() error {
	w, err := ledger(2)
	if err != nil {
		return err
	}
	var taps []string
	for _, op := range w.program.Ops {
		taps = append(taps, op.Out)
	}
	if err := s.compared(w, OperationValue, OperationGradient, taps); err != nil {
		return err
	}
	net, err := small()
	if err != nil {
		return err
	}
	session, ref, err := s.open(net, 1)
	if err != nil {
		return err
	}
	var got []backend.Patches
	if err := session.Reconstruct(s.ctx, backend.ReconPlan{Dataset: ref.Dataset, Batches: []backend.Batch{ref.Batch}}, collect(&got)); err != nil {
		return err
	}
	want, err := net.truth(ref)
	if err != nil || len(got) != 1 {
		return fmt.Errorf("%d results for 1 batch: %w", len(got), err)
	}
	patches := want.values[program.Patches]
	shape := patches.Shape
	v := &reference.Value{Kind: program.Complex, Shape: []int{shape[0] * shape[1], shape[2], shape[3]}, Complex: patches.Complex}
	return s.compare(NetworkValue, "the patches", got[0].Data, v, 0)
}

func forwardOnly(s *subject) error {
	w, err := ledger(3)
	if err != nil {
		return err
	}
	theirs, mine, err := s.openBothWith(w, func(o *backend.OpenOptions) { o.Train = false })
	if err != nil {
		return err
	}
	if err := s.evaluated("a session without training", theirs, mine, false, w.batch(), w.part(1)); err != nil {
		return err
	}
	return s.reconstructed("a session without training", theirs, mine, false, w.batch(), w.part(1))
}
