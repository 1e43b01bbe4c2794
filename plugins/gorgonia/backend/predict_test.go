package backend

import (
	"bytes"
	"context"
	"maps"
	"math"
	"os"
	"path/filepath"
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
		err := s.Evaluate(context.Background(), backend.EvalPlan{Dataset: id, Batches: []backend.Batch{tr.batch}, EMA: ema, PerPattern: true},
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
	sum := 0.0
	for _, v := range got.PerPattern[arch.Deviance] {
		sum += v
	}
	if n := len(got.PerPattern[arch.Deviance]); n != len(tr.batch.Rows) || math.Abs(sum-got.Scalars[arch.Deviance].Sum) > 1e-12*sum {
		t.Errorf("%d patterns that sum to %v, want %d and %v", n, sum, len(tr.batch.Rows), got.Scalars[arch.Deviance].Sum)
	}
}

func TestReconstruct_StreamAndFileAgree(t *testing.T) {
	tr := newTrial(t, small, 2)
	s, ref := tr.open(t, tensor.Float32, 2)
	batches := []backend.Batch{tr.batch, {Rows: tr.batch.Rows[4:], Offsets: tr.batch.Offsets[8:]}}
	var want []byte
	plan := backend.ReconPlan{Dataset: ref.Dataset, Batches: batches, Crop: 6}
	err := s.Reconstruct(context.Background(), plan, func(p backend.Patches) error {
		if n := len(batches[p.Batch].Rows); !slices.Equal(p.Data.Shape(), []int{n, 6, 6}) {
			t.Errorf("batch %d has shape %v", p.Batch, p.Data.Shape())
		}
		want = append(want, p.Data.Bytes()...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	full, err := s.(backend.Inspector).Forward(context.Background(), ref, program.Patches)
	if err != nil {
		t.Fatal(err)
	}
	cropped, _ := tensor.FromBytes(tensor.Complex64, want[:8*36*8], 8, 6, 6)
	a, _ := tensor.Data[complex64](cropped)
	b, _ := tensor.Data[complex64](full[program.Patches])
	if a[36+3*6+3] != b[256+8*16+8] { // pixel n/2 stays the centre
		t.Error("the crop moved the centre")
	}
	path := filepath.Join(t.TempDir(), "patches")
	if err := os.WriteFile(path, []byte("header"), 0o600); err != nil {
		t.Fatal(err)
	}
	plan.File = &backend.FileRef{Path: path, Offset: 8, DType: tensor.Complex64, Shape: []int{12, 6, 6}}
	err = s.Reconstruct(context.Background(), plan, func(p backend.Patches) error {
		if !p.Data.IsZero() {
			t.Error("patches were sent although they were written to the file")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(path)
	if len(got) != len(want)+8 || !bytes.Equal(got[8:], want) || string(got[:6]) != "header" {
		t.Error("the file has other bytes")
	}
	plan.File.Shape = []int{11, 6, 6}
	if err := s.Reconstruct(context.Background(), plan, func(backend.Patches) error { return nil }); backend.KindOf(err) != backend.Invalid {
		t.Errorf("writing more patches than the file's shape: %v", err)
	}
}
