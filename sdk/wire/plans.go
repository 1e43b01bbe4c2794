package wire

import (
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

func (o *outbox) batch(b backend.Batch) *pb.Batch {
	return &pb.Batch{ // in the order of the fields, which the chunks follow
		Rows:    vector(o, b.Rows),
		Offsets: vector(o, b.Offsets),
		Weights: vector(o, b.Weights),
		Extra:   o.named(b.Extra),
	}
}

func (in *inbox) batch(m *pb.Batch) (b backend.Batch, err error) {
	if b.Rows, err = flat[int32](in, m.GetRows()); err != nil {
		return b, err
	}
	if b.Offsets, err = flat[float32](in, m.GetOffsets()); err != nil {
		return b, err
	}
	if b.Weights, err = flat[float32](in, m.GetWeights()); err != nil {
		return b, err
	}
	b.Extra, err = in.named(m.GetExtra())
	return b, err
}

func (o *outbox) step(s backend.Step) *pb.OptimiserStep {
	m := &pb.OptimiserStep{Number: s.Number, LearningRates: s.LearningRates}
	for _, b := range s.Batches {
		m.Batches = append(m.Batches, o.batch(b))
	}
	return m
}

func (in *inbox) step(m *pb.OptimiserStep) (backend.Step, error) {
	s := backend.Step{Number: m.GetNumber(), LearningRates: m.GetLearningRates()}
	for _, mb := range m.GetBatches() {
		b, err := in.batch(mb)
		if err != nil {
			return s, err
		}
		s.Batches = append(s.Batches, b)
	}
	return s, nil
}

func stepHead(id uint64, p backend.StepPlan) *pb.StepHead {
	return &pb.StepHead{
		Session: id,
		Dataset: string(p.Dataset),
		Optimiser: &pb.Optimiser{
			Kind:        string(p.Optimiser.Kind),
			Beta1:       p.Optimiser.Beta1,
			Beta2:       p.Optimiser.Beta2,
			Epsilon:     p.Optimiser.Epsilon,
			Momentum:    p.Optimiser.Momentum,
			Nesterov:    p.Optimiser.Nesterov,
			WeightDecay: p.Optimiser.WeightDecay,
		},
		Clip:        string(p.Clip.Kind),
		ClipLimit:   p.Clip.Limit,
		EmaDecay:    p.EMADecay,
		LossWeights: p.LossWeights,
	}
}

func stepPlan(m *pb.StepHead) backend.StepPlan {
	o := m.GetOptimiser()
	return backend.StepPlan{
		Dataset: backend.DatasetID(m.GetDataset()),
		Optimiser: backend.Optimiser{
			Kind:        backend.OptimiserKind(o.GetKind()),
			Beta1:       o.GetBeta1(),
			Beta2:       o.GetBeta2(),
			Epsilon:     o.GetEpsilon(),
			Momentum:    o.GetMomentum(),
			Nesterov:    o.GetNesterov(),
			WeightDecay: o.GetWeightDecay(),
		},
		Clip:        backend.Clip{Kind: backend.ClipKind(m.GetClip()), Limit: m.GetClipLimit()},
		EMADecay:    m.GetEmaDecay(),
		LossWeights: m.GetLossWeights(),
	}
}

func sumsOut(s map[string]backend.Sum) map[string]*pb.Sum {
	out := make(map[string]*pb.Sum, len(s))
	for name, v := range s {
		out[name] = &pb.Sum{Sum: v.Sum, Count: v.Count}
	}
	return out
}

func sumsIn(m map[string]*pb.Sum) map[string]backend.Sum {
	out := make(map[string]backend.Sum, len(m))
	for name, v := range m {
		out[name] = backend.Sum{Sum: v.GetSum(), Count: v.GetCount()}
	}
	return out
}

func stepResultOut(r backend.StepResult) *pb.StepResponse {
	return &pb.StepResponse{
		Number:   r.Number,
		Loss:     r.Loss,
		Scalars:  sumsOut(r.Scalars),
		GradNorm: r.GradNorm,
		Clipped:  r.Clipped,
		Patterns: int64(r.Patterns),
		Waited:   r.Waited,
	}
}

func stepResultIn(m *pb.StepResponse) backend.StepResult {
	return backend.StepResult{
		Number:   m.GetNumber(),
		Loss:     m.GetLoss(),
		Scalars:  sumsIn(m.GetScalars()),
		GradNorm: m.GetGradNorm(),
		Clipped:  m.GetClipped(),
		Patterns: int(m.GetPatterns()),
		Waited:   m.GetWaited(),
	}
}

func evalResultOut(r backend.EvalResult) *pb.EvaluateResult {
	return &pb.EvaluateResult{Batch: int64(r.Batch), Scalars: sumsOut(r.Scalars)}
}

func evalResultIn(m *pb.EvaluateResult) backend.EvalResult {
	return backend.EvalResult{Batch: int(m.GetBatch()), Scalars: sumsIn(m.GetScalars())}
}

func (o *outbox) state(id uint64, s backend.State) *pb.StateHead {
	m := &pb.StateHead{Session: id, Step: s.Step}
	slots := make(map[string]map[string]tensor.Tensor, len(s.Slots))
	for name, t := range s.Slots {
		slots[string(name)] = t
	}
	for _, name := range sortedKeys(slots) {
		m.Slots = append(m.Slots, &pb.Slot{Name: name, Tensors: o.named(slots[name])})
	}
	return m
}

func (in *inbox) state(m *pb.StateHead) (backend.State, error) {
	s := backend.State{Step: m.GetStep(), Slots: map[backend.Slot]map[string]tensor.Tensor{}}
	for _, slot := range m.GetSlots() {
		name := backend.Slot(slot.GetName())
		if _, ok := s.Slots[name]; ok {
			return s, malformed("two slots of name %q", name)
		}
		t, err := in.named(slot.GetTensors())
		if err != nil {
			return s, err
		}
		if t == nil {
			t = map[string]tensor.Tensor{}
		}
		s.Slots[name] = t
	}
	return s, nil
}
