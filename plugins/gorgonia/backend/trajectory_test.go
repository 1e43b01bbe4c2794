package backend

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/optim"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
)

// TestStep_FollowsReference compares three steps of each update rule and method of clipping with core/reference and
// core/optim in float64.
func TestStep_FollowsReference(t *testing.T) {
	rules := map[string]backend.Optimiser{
		"adam":     {Kind: backend.Adam, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-3, WeightDecay: 0.01},
		"adamw":    {Kind: backend.AdamW, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-3, WeightDecay: 0.1},
		"sgd":      {Kind: backend.SGD},
		"nesterov": {Kind: backend.SGD, Momentum: 0.9, Nesterov: true, WeightDecay: 0.02},
	}
	clips := []backend.Clip{{}, {Kind: backend.ClipNorm, Limit: 0.5}, {Kind: backend.ClipValue, Limit: 0.02}, {Kind: backend.ClipAdaptive, Limit: 0.05}}
	for name, rule := range rules {
		for _, clip := range clips {
			if testing.Short() && rule.Kind != backend.Adam && clip.Kind != "" {
				continue
			}
			t.Run(fmt.Sprintf("%s clip %s", name, clip.Kind), func(t *testing.T) {
				tr := newTrial(t, small, 1)
				s, ref := tr.open(t, tensor.Float64, 2)
				plan := tr.plan(ref.Dataset, 3)
				plan.Optimiser, plan.Clip = rule, clip
				var results []backend.StepResult
				if err := s.Step(context.Background(), plan, func(r backend.StepResult) error { results = append(results, r); return nil }); err != nil {
					t.Fatal(err)
				}
				want := tr.train(t, plan, results)
				for name, w := range state(t, s).Slots[backend.Weights] {
					if e := relativeError(t, w, want[name], 1e-3); !(e < 1e-9) {
						t.Errorf("%s after 3 steps: relative error %.2g", name, e)
					}
				}
			})
		}
	}
}

// train runs the steps of a plan with core/reference and returns the weights. It compares the results of each step.
func (tr trial) train(t *testing.T, plan backend.StepPlan, results []backend.StepResult) map[string]*reference.Value {
	t.Helper()
	weights, slots := map[string]*reference.Value{}, map[string][][]float64{}
	fresh := map[string]tensor.Tensor{}
	for name, w := range tr.state.Slots[backend.Weights] {
		v, err := reference.FromTensor(w)
		if err != nil {
			t.Fatal(err)
		}
		weights[name], fresh[name] = v, v.Tensor()
		for range optim.Slots(plan.Optimiser) {
			slots[name] = append(slots[name], make([]float64, len(v.Real)))
		}
	}
	tr.state.Slots = map[backend.Slot]map[string]tensor.Tensor{backend.Weights: fresh, backend.Buffers: tr.state.Slots[backend.Buffers]}
	for i, st := range plan.Steps {
		loss, _, grads := tr.oracle(t)
		var w, g [][]float64
		for _, q := range tr.program.Params {
			w, g = append(w, weights[q.Name].Real), append(g, grads[q.Name].Real)
		}
		norm := optim.Norm(g...)
		clipped := optim.Bound(plan.Clip, norm, w, g)
		for j, q := range tr.program.Params {
			optim.Update(optim.At(plan.Optimiser, st.Number, st.LearningRates[""]), w[j], g[j], slots[q.Name]...)
		}
		r := results[i]
		if math.Abs(r.Loss-loss) > 1e-9*loss || math.Abs(r.GradNorm-norm) > 1e-9*norm || r.Clipped != clipped || r.Number != st.Number {
			t.Errorf("step %d: loss %v, norm %v, clipped %v; want %v, %v, %v", st.Number, r.Loss, r.GradNorm, r.Clipped, loss, norm, clipped)
		}
	}
	return weights
}
