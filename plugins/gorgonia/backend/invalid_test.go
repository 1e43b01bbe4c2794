package backend

import (
	"context"
	"math"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

func TestOpen_RejectsUnsupported(t *testing.T) {
	p, err := arch.Build(small)
	if err != nil {
		t.Fatal(err)
	}
	hidden := *p
	hidden.Inputs = append([]program.Input{{Name: "\x00pattern weight", Type: program.Type{Kind: program.Real, Shape: program.Shape{8}}}}, p.Inputs...)
	wrong := *p
	wrong.Ops = append([]program.Op{{Kind: "fold", Out: "x", In: []string{program.Counts}}}, p.Ops...)
	for name, c := range map[string]struct {
		o    backend.OpenOptions
		kind backend.Kind
	}{
		"no program":       {backend.OpenOptions{}, backend.Invalid},
		"a wrong program":  {backend.OpenOptions{Program: &wrong}, backend.Invalid},
		"a hidden name":    {backend.OpenOptions{Program: &hidden}, backend.Invalid},
		"another device":   {backend.OpenOptions{Program: p, Devices: []string{"cuda:0"}}, backend.Unavailable},
		"TF32":             {backend.OpenOptions{Program: p, TF32: true}, backend.Unsupported},
		"another type":     {backend.OpenOptions{Program: p, DType: tensor.Complex64}, backend.Unsupported},
		"two devices":      {backend.OpenOptions{Program: p, Devices: []string{"cpu", "cpu:1"}}, backend.Unsupported},
		"a strategy":       {backend.OpenOptions{Program: p, Strategy: "ddp"}, backend.Unsupported},
		"negative threads": {backend.OpenOptions{Program: p, Threads: -1}, backend.Invalid},
	} {
		if _, err := New().Open(context.Background(), c.o); err == nil || backend.KindOf(err) != c.kind {
			t.Errorf("%s: %v, want an error of kind %s", name, err, c.kind)
		}
	}
}

func TestStep_InvalidPlansChangeNothing(t *testing.T) {
	tr := newTrial(t, small, 1)
	nan := math.NaN()
	for name, c := range map[string]struct {
		change func(p *backend.StepPlan)
		kind   backend.Kind
	}{
		"an unknown dataset":          {func(p *backend.StepPlan) { p.Dataset = "x" }, backend.NotFound},
		"an unknown loss":             {func(p *backend.StepPlan) { p.LossWeights = map[string]float64{"x": 1} }, backend.Invalid},
		"a scalar that is not a loss": {func(p *backend.StepPlan) { p.LossWeights = map[string]float64{arch.ExpectedDeviance: 1} }, backend.Invalid},
		"no loss":                     {func(p *backend.StepPlan) { p.LossWeights = map[string]float64{arch.Deviance: 0} }, backend.Invalid},
		"a loss weight of NaN":        {func(p *backend.StepPlan) { p.LossWeights = map[string]float64{arch.Deviance: nan} }, backend.Invalid},
		"an unknown optimiser":        {func(p *backend.StepPlan) { p.Optimiser.Kind = "lion" }, backend.Unsupported},
		"a beta of 1":                 {func(p *backend.StepPlan) { p.Optimiser.Beta1 = 1 }, backend.Invalid},
		"clipping to zero":            {func(p *backend.StepPlan) { p.Clip = backend.Clip{Kind: backend.ClipNorm} }, backend.Invalid},
		"a decay of 1":                {func(p *backend.StepPlan) { p.EMADecay = 1 }, backend.Invalid},
		"no learning rate":            {func(p *backend.StepPlan) { p.Steps[1].LearningRates = nil }, backend.Invalid},
		"a learning rate of NaN":      {func(p *backend.StepPlan) { p.Steps[1].LearningRates = map[string]float64{"": nan} }, backend.Invalid},
		"step 0":                      {func(p *backend.StepPlan) { p.Steps[1].Number = 0 }, backend.Invalid},
		"no batch":                    {func(p *backend.StepPlan) { p.Steps[1].Batches = nil }, backend.Invalid},
		"half a group":                {func(p *backend.StepPlan) { p.Steps[1].Batches = []backend.Batch{{Rows: []int32{1, 2}}} }, backend.Invalid},
		"a weight of NaN": {func(p *backend.StepPlan) {
			b := tr.batch
			b.Weights = []float32{float32(nan), 1, 1, 1}
			p.Steps[1].Batches = []backend.Batch{b}
		}, backend.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			s, ref := tr.open(t, tensor.Float32, 1)
			plan := tr.plan(ref.Dataset, 2)
			c.change(&plan)
			before := state(t, s)
			if err := s.Step(context.Background(), plan, discard); err == nil || backend.KindOf(err) != c.kind {
				t.Errorf("%v, want an error of kind %s", err, c.kind)
			}
			if what := differ(before, state(t, s)); what != "" {
				t.Errorf("the rejected plan changed %s", what)
			}
		})
	}
}

func TestSession_InvalidCallsAreErrors(t *testing.T) {
	tr := newTrial(t, small, 1)
	s, ref := tr.open(t, tensor.Float32, 1)
	ctx := context.Background()
	inspector := s.(backend.Inspector)
	none := func(backend.Patches) error { return nil }
	recon := func(p backend.ReconPlan) error {
		p.Dataset, p.Batches = ref.Dataset, []backend.Batch{tr.batch}
		return s.Reconstruct(ctx, p, none)
	}
	_, noTap := inspector.Forward(ctx, ref, "x")
	_, _, noParam := inspector.Gradient(ctx, ref, "x")
	foreign := ref
	foreign.Batch.Rows = []int32{0, 1, 2, 99}
	_, noRow := inspector.Forward(ctx, foreign, program.Patches)
	partial := state(t, s)
	delete(partial.Slots[backend.Weights], "head.weight")
	odd := state(t, s)
	odd.Slots[backend.Weights]["head.weight"] = tensor.Must([]float32{1}, 1)
	unknown := state(t, s)
	unknown.Slots[backend.Moment1] = map[string]tensor.Tensor{"x": tensor.Must([]float32{1}, 1)}
	for name, c := range map[string]struct {
		err  error
		kind backend.Kind
	}{
		"an unknown value":                 {noTap, backend.NotFound},
		"an unknown parameter":             {noParam, backend.NotFound},
		"a row outside of the dataset":     {noRow, backend.Invalid},
		"a missing average":                {recon(backend.ReconPlan{EMA: true}), backend.Invalid},
		"incomplete weights":               {s.SetState(ctx, partial), backend.Invalid},
		"weights of another shape":         {s.SetState(ctx, odd), backend.Invalid},
		"a moment of an unknown parameter": {s.SetState(ctx, unknown), backend.NotFound},
		"a dataset that is not bound":      {s.Reconstruct(ctx, backend.ReconPlan{Dataset: "x"}, none), backend.NotFound},
	} {
		if c.err == nil || backend.KindOf(c.err) != c.kind {
			t.Errorf("%s: %v, want an error of kind %s", name, c.err, c.kind)
		}
	}
}

func TestPlan_RejectsBatchAboveMemoryLimit(t *testing.T) {
	tr := newTrial(t, small, 2)
	s, err := New().Open(context.Background(), backend.OpenOptions{Program: tr.program, MemoryLimit: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.SetState(context.Background(), tr.state); err != nil {
		t.Fatal(err)
	}
	id, err := s.Bind(context.Background(), tr.data)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Step(context.Background(), tr.plan(id, 1), discard); backend.KindOf(err) != backend.Exhausted {
		t.Errorf("%v, want an Exhausted error", err)
	}
}

// TestLosses_FullyMaskedPatternIsZero checks that a fully masked pattern adds 0 to the value and to the gradient.
func TestLosses_FullyMaskedPatternIsZero(t *testing.T) {
	for k, read := range makers {
		if k != program.PoissonDeviance && k != program.ExpectedDeviance {
			continue
		}
		g := newGenerator(7)
		for i := range g.given["masks"].Real[:g.p.N*g.p.N] {
			g.given["masks"].Real[i] = 0
		}
		for i := range g.given[program.Mask].Real {
			g.given[program.Mask].Real[i] = 0
		}
		out := read(g, k)
		if k == program.ExpectedDeviance {
			g.total()
		} else {
			g.total(out)
		}
		s, ref := g.session(t, tensor.Float64, 1)
		got, err := s.(backend.Inspector).Forward(context.Background(), ref, out)
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := tensor.Data[float64](got[out]); v[0] != 0 {
			t.Errorf("%s: %v", k, v)
		}
		_, dw, err := s.(backend.Inspector).Gradient(context.Background(), ref)
		if err != nil {
			t.Fatal(err)
		}
		for name, d := range dw {
			v, _ := tensor.Data[float64](d)
			for _, x := range v {
				if math.IsNaN(x) {
					t.Fatalf("%s: the gradient of %s is NaN", k, name)
				}
			}
		}
	}
}
