package backend

import (
	"context"
	"errors"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/fixture"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/driver"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/fake"
)

// tiny returns a trial of a program with one convolution, for tests that run it many times.
func tiny(t *testing.T) trial {
	t.Helper()
	one := program.PerGroup(1)
	p := &program.Program{
		Name: "tiny", N: 4, Group: 1,
		Inputs: []program.Input{{Name: program.Counts, Type: program.Type{Kind: program.Real, Shape: program.Shape{one, 1, 4, 4}}}},
		Params: []program.Param{
			{Name: "w", Kind: program.Real, Shape: []int{1, 1, 3, 3}, Trainable: true, Init: program.Init{Kind: program.Constant}},
			{Name: "b", Kind: program.Real, Shape: []int{1}, Trainable: true, Init: program.Init{Kind: program.Constant}},
		},
		Ops: []program.Op{
			{Kind: program.Conv2D, Out: "y", In: []string{program.Counts, "w", "b"}},
			{Kind: program.MakeComplex, Out: "z", In: []string{"y", "y"}},
			{Kind: program.FFT2, Out: "f", In: []string{"z"}},
			{Kind: program.Abs2, Out: "a", In: []string{"f"}},
			{Kind: program.MeanPixels, Out: "m", In: []string{"a"}},
		},
		Outputs: []program.Output{{Name: "z", Value: "z"}},
		Scalars: []program.Scalar{{Name: "power", Value: "m", Loss: true}},
	}
	if _, err := p.Types(); err != nil {
		t.Fatal(err)
	}
	initial, err := arch.Initial(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	counts := make([]uint16, 2*16)
	for i := range counts {
		counts[i] = uint16(i * i % 7)
	}
	tr := trial{program: p, weights: map[string]float64{"power": 1}}
	tr.state = backend.State{Slots: map[backend.Slot]map[string]tensor.Tensor{backend.Weights: initial}}
	tr.data = backend.Dataset{Patterns: 2, Arrays: []backend.Array{{Input: program.Counts, Gather: backend.PerPattern, Value: tensor.Must(counts, 2, 4, 4)}}}
	tr.batch = backend.Batch{Rows: []int32{0, 1}}
	return tr
}

// use opens a session, calls everything that a host calls, and closes it.
func (tr trial) use() (err error) {
	ctx := context.Background()
	s, err := New().Open(ctx, backend.OpenOptions{Program: tr.program, Threads: 1, Devices: []string{"cuda:0"}, MemoryLimit: tr.limit})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.SetState(ctx, tr.state); err != nil {
		return err
	}
	id, err := s.Bind(ctx, tr.data)
	if err != nil {
		return err
	}
	plan := tr.plan(id, 2)
	plan.EMADecay, plan.Clip = 0.9, backend.Clip{Kind: backend.ClipAdaptive, Limit: 1e-3}
	plan.Steps[1].Batches = append(plan.Steps[1].Batches, backend.Batch{Rows: []int32{1, 0}}) // which is sent ahead
	if err := s.Step(ctx, plan, func(backend.StepResult) error { return nil }); err != nil {
		return err
	}
	batches := []backend.Batch{tr.batch, {Rows: []int32{1}}}
	if err := s.Evaluate(ctx, backend.EvalPlan{Dataset: id, Batches: batches, EMA: true}, func(backend.EvalResult) error { return nil }); err != nil {
		return err
	}
	if _, _, err := s.(backend.Inspector).Gradient(ctx, backend.BatchRef{Dataset: id, Batch: tr.batch, LossWeights: tr.weights}); err != nil {
		return err
	}
	st, err := s.State(ctx)
	if err != nil {
		return err
	}
	return s.SetState(ctx, st)
}

// TestCUDA_EveryFailingCallIsTypedAndFreesAll fails the last call of each of the driver's functions in a session; make test-all also the
// first and a middle one, and the full suite each call.
func TestCUDA_EveryFailingCallIsTypedAndFreesAll(t *testing.T) {
	fixture.Long(t)
	d := onFake(t, fake.Build(t))
	tr := tiny(t)
	if err := tr.use(); err != nil {
		t.Fatalf("%v %s", err, d.Message())
	}
	counts := map[string]int{}
	d.Fail("", 0, 0)
	if err := tr.use(); err != nil {
		t.Fatal(err)
	}
	for _, name := range driver.Functions() {
		counts[name] = d.Calls(name)
	}
	before := d.Live()
	for name, n := range counts {
		if n == 0 && name != "cuInit" && name != "cuDriverGetVersion" && name != "cuGetErrorName" && name != "cuFuncSetAttribute" {
			t.Errorf("the session never calls %s", name)
		}
		for i := 1; i <= n; i++ {
			if !fixture.Full() && i != n && (!fixture.All() || i != 1 && i != n/2) {
				continue
			}
			d.Fail(name, i, 2)
			err := tr.use()
			var typed *backend.Error
			if !errors.As(err, &typed) || typed.Kind != backend.Exhausted {
				t.Errorf("call %d of %s fails with code 2: the error is %v, want one of kind %s", i, name, err, backend.Exhausted)
			}
			if live := d.Live(); live != before {
				t.Fatalf("after call %d of %s failed (%v), %d objects of the driver were not freed", i, name, err, live-before)
			}
		}
	}
}
