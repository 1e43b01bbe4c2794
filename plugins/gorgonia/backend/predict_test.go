package backend

import (
	"bytes"
	"context"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

func TestEMA_FollowsFormula(t *testing.T) {
	tr := newTrial(t, small, 1)
	s, ref := tr.open(t, tensor.Float64, 1)
	const name, decay = "head.weight", 0.75
	weight := func(slot backend.Slot) []float64 {
		v, _ := tensor.Data[float64](state(t, s).Slots[slot][name])
		return v
	}
	want := weight(backend.Weights) // the average starts at the weights before the first step
	plan := tr.plan(ref.Dataset, 3)
	plan.EMADecay = decay
	err := s.Step(context.Background(), plan, func(backend.StepResult) error {
		got := weight(backend.EMA)
		for i, w := range weight(backend.Weights) {
			want[i] = decay*want[i] + (1-decay)*w
			if math.Abs(got[i]-want[i]) > 1e-15 {
				t.Fatalf("element %d is %v, want %v", i, got[i], want[i])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEvaluate_MovingAverage(t *testing.T) {
	tr := newTrial(t, small, 2)
	s, ref := tr.open(t, tensor.Float64, 2)
	plan := tr.plan(ref.Dataset, 3)
	plan.EMADecay = 0.5
	if err := s.Step(context.Background(), plan, discard); err != nil {
		t.Fatal(err)
	}
	at := state(t, s)
	eval := func(s backend.Session, id backend.DatasetID, ema bool) (out backend.EvalResult) {
		err := s.Evaluate(context.Background(), backend.EvalPlan{Dataset: id, Batches: []backend.Batch{tr.batch}, EMA: ema},
			func(r backend.EvalResult) error { out = r; return nil })
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	got := eval(s, ref.Dataset, true)
	if what := differ(at, state(t, s)); what != "" {
		t.Errorf("the evaluation changed %s", what)
	}
	swapped := at
	swapped.Slots = maps.Clone(at.Slots)
	swapped.Slots[backend.Weights] = at.Slots[backend.EMA]
	other, ref := tr.open(t, tensor.Float64, 2)
	if err := other.SetState(context.Background(), swapped); err != nil {
		t.Fatal(err)
	}
	want := eval(other, ref.Dataset, false)
	if got.Scalars[arch.Deviance] != want.Scalars[arch.Deviance] {
		t.Errorf("%v, want %v", got.Scalars, want.Scalars)
	}
}

func TestReconstruct_PatchesOfEachBatchInOrder(t *testing.T) {
	tr := newTrial(t, small, 2)
	s, ref := tr.open(t, tensor.Float32, 2)
	batches := []backend.Batch{tr.batch, {Rows: tr.batch.Rows[4:], Offsets: tr.batch.Offsets[8:]}}
	var got []byte
	err := s.Reconstruct(context.Background(), backend.ReconPlan{Dataset: ref.Dataset, Batches: batches}, func(p backend.Patches) error {
		if n := len(batches[p.Batch].Rows); !slices.Equal(p.Data.Shape(), []int{n, 16, 16}) {
			t.Errorf("batch %d has shape %v", p.Batch, p.Data.Shape())
		}
		got = append(got, p.Data.Bytes()...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	full, err := s.(backend.Inspector).Forward(context.Background(), ref, program.Patches)
	if err != nil {
		t.Fatal(err)
	}
	if want := full[program.Patches].Bytes(); len(got) != len(want)*3/2 || !bytes.Equal(got[:len(want)], want) {
		t.Error("the patches differ from the program's value")
	}
}
