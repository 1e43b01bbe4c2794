package oracle

import (
	"context"
	"math"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	meaning "github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
	gorgonia "github.com/ptychogo/ptycho/plugins/gorgonia/backend"
)

// trial opens a small U-Net on random inputs.
func trial(t *testing.T, b backend.Backend) (backend.Session, backend.StepPlan) {
	t.Helper()
	p, err := arch.Build(arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 2})
	if err != nil {
		t.Fatal(err)
	}
	given, err := meaning.RandomValues(p, 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	d := backend.Dataset{Patterns: 4}
	for _, in := range p.Inputs {
		v := given[in.Name]
		switch in.Name {
		case program.Offsets:
		case program.Counts:
			d.Arrays = append(d.Arrays, backend.Array{Input: in.Name, Gather: backend.PerPattern, Value: tensor.Must(v.Real, 4, 16, 16)})
		default:
			d.Arrays = append(d.Arrays, backend.Array{Input: in.Name, Gather: backend.Whole, Value: v.Tensor()})
		}
	}
	st := backend.State{Slots: map[backend.Slot]map[string]tensor.Tensor{backend.Weights: {}, backend.Buffers: {}}}
	for _, q := range p.Params {
		st.Slots[backend.Weights][q.Name] = given[q.Name].Tensor()
	}
	for _, q := range p.Buffers {
		st.Slots[backend.Buffers][q.Name] = given[q.Name].Tensor()
	}
	ctx := context.Background()
	s, err := b.Open(ctx, backend.OpenOptions{Program: p, DType: tensor.Float64, Train: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.SetState(ctx, st); err != nil {
		t.Fatal(err)
	}
	id, err := s.Bind(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	offsets := make([]float32, 8)
	for i, v := range given[program.Offsets].Real {
		offsets[i] = float32(v)
	}
	plan := backend.StepPlan{Dataset: id, Optimiser: backend.Optimiser{Kind: backend.Adam, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8},
		Clip: backend.Clip{Kind: backend.ClipNorm, Limit: 1}, LossWeights: map[string]float64{arch.Deviance: 1}, EMADecay: 0.9}
	for i := range 4 {
		plan.Steps = append(plan.Steps, backend.Step{Number: int64(i + 1), LearningRates: map[string]float64{"": 1e-3},
			Batches: []backend.Batch{{Rows: []int32{0, 1, 2, 3}, Offsets: offsets}}})
	}
	return s, plan
}

// TestOracle_TrainsLikeEngine compares states after Adam steps with clipping and a moving average.
func TestOracle_TrainsLikeEngine(t *testing.T) {
	ctx := context.Background()
	states := map[string]backend.State{}
	for name, b := range map[string]backend.Backend{"reference": New(), "gorgonia": gorgonia.New()} {
		s, plan := trial(t, b)
		if err := s.Step(ctx, plan, func(backend.StepResult) error { return nil }); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		st, err := s.State(ctx)
		if err != nil {
			t.Fatal(err)
		}
		states[name] = st
	}
	for slot, arrays := range states["reference"].Slots {
		for name, want := range arrays {
			got, err := tensor.Data[float64](states["gorgonia"].Slots[slot][name])
			if err != nil {
				t.Fatalf("%s of %s: %v", slot, name, err)
			}
			w, _ := tensor.Data[float64](want)
			for i := range w {
				if d := math.Abs(got[i] - w[i]); !(d <= 1e-7*(1+math.Abs(w[i]))) {
					t.Fatalf("%s of %s at %d: %g, the engine has %g", slot, name, i, w[i], got[i])
				}
			}
		}
	}
}
