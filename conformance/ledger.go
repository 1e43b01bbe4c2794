package conformance

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
)

// ledger returns a tiny program with all that a session keeps: real and complex parameters, some with their own group, a frozen
// one and one that no loss depends on, a buffer, an index, three losses and two scalars that are only reported.
func ledger(groups int) (*work, error) {
	p := &program.Program{Name: "ledger", N: 8, Group: 2}
	input := func(name string, k program.Kind, shape ...program.Dim) {
		p.Inputs = append(p.Inputs, program.Input{Name: name, Type: program.Type{Kind: k, Shape: shape}})
	}
	input(program.Counts, program.Real, -1, 2, 8, 8)
	input(program.Offsets, program.Real, -1, 2, 2)
	input(program.Probe, program.Complex, 2, 8, 8)
	input(program.Mask, program.Real, 8, 8)
	input(program.Background, program.Real, 8, 8)
	input("rows", program.Index, -1, 2)
	param := func(name string, k program.Kind, group string, trainable bool, shape ...int) {
		shape = append([]int{}, shape...) // [] instead of null in JSON
		p.Params = append(p.Params, program.Param{Name: name, Kind: k, Shape: shape, Init: program.Init{Kind: program.KaimingUniform}, Trainable: trainable, Group: group})
	}
	param("object", program.Complex, "object", true, 5, 8, 8)
	param("gain", program.Real, "", true, 8, 8)
	param("scale", program.Real, "slow", true)
	param("frozen", program.Real, "", false, 8, 8)
	param("bias", program.Complex, "slow", true, 8, 8)
	param("idle", program.Real, "object", true, 3)
	p.Buffers = []program.Buffer{{Name: "flat", Kind: program.Real, Shape: []int{8, 8}}}
	op := func(out string, k program.OpKind, in ...string) {
		p.Ops = append(p.Ops, program.Op{Kind: k, Out: out, In: in})
	}
	op("each", program.Gather, "object", "rows")
	op("gained", program.Mul, "each", "gain")
	op("biased", program.Add, "gained", "bias")
	op("moved", program.Translate, "biased", program.Offsets)
	op("back", program.BackProject, program.Counts, program.Probe)
	op("sum", program.Add, "moved", "back")
	op("lit", program.Illuminate, "sum", program.Probe)
	op("far", program.FFT2, "lit")
	op("photons", program.Intensity, "far")
	op("positive", program.Softplus, "scale")
	op("scaled", program.Mul, "photons", "positive")
	op("flattened", program.Mul, "scaled", "flat")
	op("square", program.Square, "frozen")
	op("raised", program.Add, "flattened", "square")
	op("lambda", program.Add, "raised", program.Background)
	op("poisson", program.PoissonDeviance, "lambda", program.Counts, program.Mask)
	op("amplitude", program.AmplitudeLoss, "lambda", program.Counts, program.Mask)
	op("mean", program.MeanPixels, "lambda")
	op("expected", program.ExpectedDeviance, "lambda", program.Mask)
	p.Scalars = []program.Scalar{{Name: "poisson", Value: "poisson", Loss: true}, {Name: "brightness", Value: "mean"}, {Name: "amplitude", Value: "amplitude", Loss: true},
		{Name: "expected", Value: "expected"}, {Name: "mean", Value: "mean", Loss: true}}
	p.Outputs = []program.Output{{Name: program.Patches, Value: "sum"}}
	return newWork(p, groups, 11, 1)
}

// withLedger opens the ledger and calls look.
func withLedger(look func(s *subject, r runner, w *work) error) func(*subject) error {
	return func(s *subject) error {
		w, err := ledger(3)
		if err != nil {
			return err
		}
		session, ref, err := s.open(w, 1)
		if err != nil {
			return err
		}
		return look(s, runner{session, ref}, w)
	}
}

// withOracle opens the ledger on the backend and on the oracle and calls look.
func withOracle(look func(s *subject, theirs, mine runner, w *work) error, need ...backend.Capability) func(*subject) error {
	return func(s *subject) error {
		if err := s.need(need...); err != nil {
			return err
		}
		w, err := ledger(3)
		if err != nil {
			return err
		}
		theirs, mine, err := s.openBoth(w)
		if err != nil {
			return err
		}
		return look(s, theirs, mine, w)
	}
}

// fullState returns a state with all slots, each filled with other numbers. All are exact in float32.
func (w *work) fullState(step int64) backend.State {
	st := w.state()
	st.Step = step
	rng := rand.New(rand.NewPCG(uint64(step), 3))
	for i, slot := range []backend.Slot{backend.Moment1, backend.Moment2, backend.Velocity, backend.EMA} {
		st.Slots[slot] = map[string]tensor.Tensor{}
		for _, q := range w.program.Params {
			if !q.Trainable {
				continue
			}
			v := reference.NewValue(q.Kind, q.Shape)
			one := func() float64 {
				x := float64(float32(float64(i+1) * (rng.Float64() - 0.4)))
				if slot == backend.Moment2 {
					return math.Abs(x)
				}
				return x
			}
			for j := range v.Real {
				v.Real[j] = one()
			}
			for j := range v.Complex {
				v.Complex[j] = complex(one(), one())
			}
			st.Slots[slot][q.Name] = v.Tensor()
		}
	}
	return st
}

// fullState is the work's with the slots that the backend keeps: moments if it trains, the moving average if it has one.
func (s *subject) fullState(w *work, step int64) backend.State {
	st := w.fullState(step)
	if !s.info.Has(backend.CanTrain) {
		for _, slot := range []backend.Slot{backend.Moment1, backend.Moment2, backend.Velocity} {
			delete(st.Slots, slot)
		}
	}
	if !s.info.Has(backend.CanEMA) {
		delete(st.Slots, backend.EMA)
	}
	return st
}

// sameState compares two states bit by bit, and the arrays that want has; other slots may be there if they are zero.
func sameState(what string, got, want backend.State) error {
	if got.Step != want.Step {
		return fmt.Errorf("%s: the step count is %d, want %d", what, got.Step, want.Step)
	}
	for slot, arrays := range want.Slots {
		for name, t := range arrays {
			v, err := reference.FromTensor(t)
			if err != nil {
				return err
			}
			g, ok := got.Slots[slot][name]
			if !ok {
				return fmt.Errorf("%s: %s of %s is missing in the state", what, slot, name)
			}
			if err := same(fmt.Sprintf("%s: %s of %s", what, slot, name), g, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// evaluated compares the scalars of batches, all of them with their sums and counts, with the oracle's.
func (s *subject) evaluated(what string, theirs, mine runner, ema bool, batches ...backend.Batch) error {
	var got, want []backend.EvalResult
	if err := theirs.session.Evaluate(s.ctx, backend.EvalPlan{Dataset: theirs.ref.Dataset, Batches: batches, EMA: ema}, collect(&got)); err != nil {
		return fmt.Errorf("%s: evaluate: %w", what, err)
	}
	if err := mine.session.Evaluate(s.ctx, backend.EvalPlan{Dataset: mine.ref.Dataset, Batches: batches, EMA: ema}, collect(&want)); err != nil {
		return fmt.Errorf("the oracle: %w", err)
	}
	if len(got) != len(want) {
		return fmt.Errorf("%s: %d results for %d batches", what, len(got), len(batches))
	}
	for i := range want {
		if got[i].Batch != i {
			return fmt.Errorf("%s: result %d says that it is of batch %d", what, i, got[i].Batch)
		}
		if err := s.sameSums(fmt.Sprintf("%s, batch %d", what, i), got[i].Scalars, want[i].Scalars, NetworkValue); err != nil {
			return err
		}
	}
	return nil
}

// sameSums compares the scalars of a result: the same names, sums and counts.
func (s *subject) sameSums(what string, got, want map[string]backend.Sum, q Quantity) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s: %d scalars, want %d", what, len(got), len(want))
	}
	for name, w := range want {
		g, ok := got[name]
		if !ok {
			return fmt.Errorf("%s: the scalar %s is missing", what, name)
		}
		if !(math.Abs(g.Count-w.Count) <= 1e-6*w.Count) {
			return fmt.Errorf("%s: the count of %s, which is the sum of the patterns' weights, is %v, want %v", what, name, g.Count, w.Count)
		}
		if err := s.near(q, fmt.Sprintf("%s: the sum of the scalar %s", what, name), g.Sum, w.Sum); err != nil {
			return err
		}
	}
	return nil
}

// reconstructed compares the patches of batches with the oracle's.
func (s *subject) reconstructed(what string, theirs, mine runner, ema bool, batches ...backend.Batch) error {
	var got, want []backend.Patches
	if err := theirs.session.Reconstruct(s.ctx, backend.ReconPlan{Dataset: theirs.ref.Dataset, Batches: batches, EMA: ema}, collect(&got)); err != nil {
		return fmt.Errorf("%s: reconstruct: %w", what, err)
	}
	if err := mine.session.Reconstruct(s.ctx, backend.ReconPlan{Dataset: mine.ref.Dataset, Batches: batches, EMA: ema}, collect(&want)); err != nil {
		return fmt.Errorf("the oracle: %w", err)
	}
	if len(got) != len(want) {
		return fmt.Errorf("%s: %d results for %d batches", what, len(got), len(batches))
	}
	for i := range want {
		if got[i].Batch != i {
			return fmt.Errorf("%s: result %d says that it is of batch %d", what, i, got[i].Batch)
		}
		v, err := reference.FromTensor(want[i].Data)
		if err != nil {
			return err
		}
		if err := s.compare(NetworkValue, fmt.Sprintf("%s: the patches of batch %d", what, i), got[i].Data, v, 0); err != nil {
			return err
		}
	}
	return nil
}
