package backend

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// small is a network whose steps take milliseconds.
var small = arch.Config{N: 16, FiltersScale: 1, BaseWidth: 4, Gridsize: 2}

func discard(backend.StepResult) error { return nil }

func state(t testing.TB, s backend.Session) backend.State {
	t.Helper()
	st, err := s.State(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// differ names the first array whose bits differ between two states, or returns "" when there is none.
func differ(a, b backend.State) string {
	if a.Step != b.Step {
		return "the number of steps"
	}
	if len(a.Slots) != len(b.Slots) {
		return "the slots"
	}
	for slot, arrays := range a.Slots {
		for _, name := range slices.Sorted(maps.Keys(arrays)) {
			if !bytes.Equal(arrays[name].Bytes(), b.Slots[slot][name].Bytes()) {
				return string(slot) + " of " + name
			}
		}
	}
	return ""
}

func TestStep_SameBitsForAnyThreads(t *testing.T) {
	for _, c := range []arch.Config{small, {Arch: "cnn", N: 64, FiltersScale: 1, BaseWidth: 8, Gridsize: 2, Canvas: 72, PadObject: true, ProbeBig: true}} {
		tr := newTrial(t, c, 3)
		var first backend.State
		for i, threads := range []int{1, 2, 3, 3} {
			s, ref := tr.open(t, tensor.Float32, threads)
			plan := tr.plan(ref.Dataset, 2)
			plan.EMADecay = 0.9
			if err := s.Step(context.Background(), plan, discard); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				first = state(t, s)
			} else if what := differ(first, state(t, s)); what != "" {
				t.Errorf("%s with %d threads: the bits of %s differ", c.Arch, threads, what)
			}
		}
	}
}

func TestSessions_RunConcurrently(t *testing.T) {
	tr := newTrial(t, small, 2)
	alone, ref := tr.open(t, tensor.Float32, 2)
	if err := alone.Step(context.Background(), tr.plan(ref.Dataset, 3), discard); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	for range 3 {
		s, ref := tr.open(t, tensor.Float32, 2)
		running.Go(func() {
			if err := s.Step(context.Background(), tr.plan(ref.Dataset, 3), discard); err != nil {
				t.Error(err)
				return
			}
			if what := differ(state(t, alone), state(t, s)); what != "" {
				t.Errorf("the bits of %s differ", what)
			}
		})
	}
	running.Wait()
}

func TestStep_MicroBatchesAddUp(t *testing.T) {
	tr := newTrial(t, small, 4)
	tr.batch.Weights = make([]float32, len(tr.batch.Rows))
	for i := range tr.batch.Weights {
		tr.batch.Weights[i] = float32(1 + i%3)
	}
	tr.batch.Weights[7] = 0
	one, ref := tr.open(t, tensor.Float64, 2)
	plan := tr.plan(ref.Dataset, 1)
	plan.Optimiser = backend.Optimiser{Kind: backend.SGD}
	var whole, parts backend.StepResult
	if err := one.Step(context.Background(), plan, func(r backend.StepResult) error { whole = r; return nil }); err != nil {
		t.Fatal(err)
	}
	two, ref := tr.open(t, tensor.Float64, 2)
	plan.Dataset = ref.Dataset
	cut := func(from, to int) backend.Batch {
		return backend.Batch{Rows: tr.batch.Rows[from:to], Offsets: tr.batch.Offsets[2*from : 2*to], Weights: tr.batch.Weights[from:to]}
	}
	plan.Steps[0].Batches = []backend.Batch{cut(0, 4), cut(4, 12), cut(12, 16)}
	if err := two.Step(context.Background(), plan, func(r backend.StepResult) error { parts = r; return nil }); err != nil {
		t.Fatal(err)
	}
	if e := math.Abs(parts.Loss-whole.Loss) / whole.Loss; !(e < 1e-13) {
		t.Errorf("loss %v in micro-batches, %v in one batch", parts.Loss, whole.Loss)
	}
	if e := math.Abs(parts.GradNorm-whole.GradNorm) / whole.GradNorm; !(e < 1e-12) {
		t.Errorf("gradient norm %v in micro-batches, %v in one batch", parts.GradNorm, whole.GradNorm)
	}
	a, b := state(t, one).Slots[backend.Weights], state(t, two).Slots[backend.Weights]
	for name := range a {
		x, _ := tensor.Data[float64](a[name])
		y, _ := tensor.Data[float64](b[name])
		for i := range x {
			if math.Abs(x[i]-y[i]) > 1e-13*(1+math.Abs(x[i])) {
				t.Fatalf("%s[%d]: %v in micro-batches, %v in one batch", name, i, y[i], x[i])
			}
		}
	}
}

func TestResume_SameBits(t *testing.T) {
	tr := newTrial(t, small, 1)
	through, ref := tr.open(t, tensor.Float32, 2)
	plan := tr.plan(ref.Dataset, 5)
	plan.EMADecay = 0.99
	if err := through.Step(context.Background(), plan, discard); err != nil {
		t.Fatal(err)
	}
	broken, ref := tr.open(t, tensor.Float32, 2)
	plan.Dataset = ref.Dataset
	all := plan.Steps
	plan.Steps = all[:2]
	if err := broken.Step(context.Background(), plan, discard); err != nil {
		t.Fatal(err)
	}
	kept := state(t, broken)
	plan.Steps = all[2:4] // steps that will be lost
	if err := broken.Step(context.Background(), plan, discard); err != nil {
		t.Fatal(err)
	}
	for range 2 { // into a session that has run, with planned machines, and into a new one
		if err := broken.SetState(context.Background(), kept); err != nil {
			t.Fatal(err)
		}
		plan.Steps = all[2:]
		if err := broken.Step(context.Background(), plan, discard); err != nil {
			t.Fatal(err)
		}
		if what := differ(state(t, through), state(t, broken)); what != "" {
			t.Errorf("the bits of %s differ", what)
		}
		broken, ref = tr.open(t, tensor.Float32, 2)
		plan.Dataset = ref.Dataset
	}
}

func TestStop_EndsAfterStep(t *testing.T) {
	tr := newTrial(t, small, 1)
	s, ref := tr.open(t, tensor.Float32, 2)
	done := 0
	err := s.Step(context.Background(), tr.plan(ref.Dataset, 10), func(backend.StepResult) error {
		if done++; done == 3 {
			return s.Stop(context.Background())
		}
		return nil
	})
	if err != nil || done != 3 || state(t, s).Step != 3 {
		t.Errorf("%d steps, %d in the state, error %v; want 3 and none", done, state(t, s).Step, err)
	}
	batches := slices.Repeat([]backend.Batch{tr.batch}, 5)
	done = 0
	err = s.Evaluate(context.Background(), backend.EvalPlan{Dataset: ref.Dataset, Batches: batches}, func(backend.EvalResult) error {
		done++
		return s.Stop(context.Background())
	})
	if err != nil || done != 1 {
		t.Errorf("evaluate: %d batches, error %v; want 1 and none", done, err)
	}
	done = 0
	err = s.Reconstruct(context.Background(), backend.ReconPlan{Dataset: ref.Dataset, Batches: batches}, func(backend.Patches) error {
		done++
		return s.Stop(context.Background())
	})
	if err != nil || done != 1 {
		t.Errorf("reconstruct: %d batches, error %v; want 1 and none", done, err)
	}
}

func TestCancel_KeepsState(t *testing.T) {
	tr := newTrial(t, small, 1)
	s, ref := tr.open(t, tensor.Float32, 2)
	ctx, cancel := context.WithCancel(context.Background())
	var at backend.State
	err := s.Step(ctx, tr.plan(ref.Dataset, 10), func(r backend.StepResult) error {
		if r.Number == 2 {
			at = state(t, s)
			cancel()
		}
		return nil
	})
	if backend.KindOf(err) != backend.Cancelled {
		t.Errorf("error %v, want a Cancelled one", err)
	}
	if what := differ(at, state(t, s)); what != "" {
		t.Errorf("the state changed after the cancel: %s", what)
	}
}

func TestStep_EmitErrorEndsCall(t *testing.T) {
	tr := newTrial(t, small, 1)
	s, ref := tr.open(t, tensor.Float32, 2)
	broken := errors.New("the host is gone")
	if err := s.Step(context.Background(), tr.plan(ref.Dataset, 3), func(backend.StepResult) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("step: %v", err)
	}
	if err := s.Step(context.Background(), tr.plan(ref.Dataset, 3), discard); err != nil {
		t.Errorf("the session is unusable afterwards: %v", err)
	}
}

func TestStep_NotFiniteGradientKeepsState(t *testing.T) {
	tr := newTrial(t, small, 1)
	background, _ := tensor.Data[float32](tr.data.Arrays[3].Value)
	background[3] = float32(math.NaN())
	s, ref := tr.open(t, tensor.Float32, 2)
	before := state(t, s)
	plan := tr.plan(ref.Dataset, 2)
	if err := s.Step(context.Background(), plan, discard); backend.KindOf(err) != backend.Numeric {
		t.Errorf("error %v, want a Numeric one", err)
	}
	if what := differ(before, state(t, s)); what != "" {
		t.Errorf("the failed step changed %s", what)
	}
}

func TestStep_MemoryDoesNotGrow(t *testing.T) {
	tr := newTrial(t, small, 2)
	s, ref := tr.open(t, tensor.Float32, 2)
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var after10, after50 int64
	err := s.Step(context.Background(), tr.plan(ref.Dataset, 50), func(r backend.StepResult) error {
		switch r.Number {
		case 10:
			after10 = heap()
		case 50:
			after50 = heap()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if after50 > after10+after10/20+64<<10 {
		t.Errorf("the heap grew from %d to %d bytes over 40 steps", after10, after50)
	}
}
