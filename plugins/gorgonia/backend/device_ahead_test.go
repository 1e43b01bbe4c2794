package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/fixture"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/fake"
)

// several returns the tiny trial with more patterns, and batches of two sizes, so that some batches can be sent ahead and others not.
func several(t *testing.T) (trial, []backend.Batch) {
	tr := tiny(t)
	counts := make([]uint16, 8*16)
	for i := range counts {
		counts[i] = uint16(i * i % 11)
	}
	tr.data.Patterns, tr.data.Arrays[0].Value = 8, tensor.Must(counts, 8, 4, 4)
	weights := []float32{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}
	tr.state.Slots[backend.Weights] = map[string]tensor.Tensor{"w": tensor.Must(weights, 1, 1, 3, 3), "b": tensor.Must([]float32{0.5}, 1)}
	return tr, []backend.Batch{{Rows: []int32{0, 1}}, {Rows: []int32{2, 3}}, {Rows: []int32{4, 5}}, {Rows: []int32{6}}, {Rows: []int32{7, 0}}, {Rows: []int32{7, 0}}, {Rows: []int32{1, 2}}}
}

// everything trains, evaluates and predicts on the GPU, and returns all results as text.
func everything(t *testing.T) string {
	t.Helper()
	ctx := context.Background()
	tr, batches := several(t)
	s, err := New().Open(ctx, backend.OpenOptions{Program: tr.program, Threads: 1, Devices: []string{"cuda:0"}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	failed := s.SetState(ctx, tr.state)
	id, err := s.Bind(ctx, tr.data)
	failed = errors.Join(failed, err)
	plan := tr.plan(id, len(batches))
	for i, b := range batches {
		plan.Steps[i].Batches = []backend.Batch{b}
	}
	plan.Steps[2].Batches = batches[1:3]
	failed = errors.Join(failed, s.Step(ctx, plan, func(r backend.StepResult) error {
		_, err := fmt.Fprintln(&out, r.Number, r.Loss, r.GradNorm)
		return err
	}))
	failed = errors.Join(failed, s.Evaluate(ctx, backend.EvalPlan{Dataset: id, Batches: batches}, func(r backend.EvalResult) error {
		_, err := fmt.Fprintln(&out, r.Batch, r.Scalars)
		return err
	}))
	st, err := s.State(ctx)
	if failed = errors.Join(failed, err, s.Close()); failed != nil {
		t.Fatal(failed)
	}
	for _, name := range []string{"w", "b"} {
		fmt.Fprintf(&out, "%x\n", st.Slots[backend.Weights][name].Bytes())
	}
	return out.String()
}

// TestCUDA_SameBitsWhicheverStreamIsLate runs a session on drivers that do the work of a stream at once, or only when it is synchronised:
// a missing wait would read data of another batch.
func TestCUDA_SameBitsWhicheverStreamIsLate(t *testing.T) {
	fixture.Long(t)
	d := onFake(t, fake.Build(t))
	defer d.Late(0)
	before := d.Live()
	var first string
	for late := range 4 {
		d.Late(late)
		d.Fail("", 0, 0)
		got := everything(t)
		if late == 0 {
			first = got
		}
		if got != first {
			t.Errorf("late streams %02b: the results differ:\n%s\nwant\n%s", late, got, first)
		}
		if text := d.Message(); text != "" || d.Live() != before {
			t.Errorf("late streams %02b: %d objects were not freed, and the driver says %q", late, d.Live()-before, text)
		}
	}
	if n := d.Calls("cuMemcpyDtoDAsync_v2"); n < 6 {
		t.Errorf("%d batches were sent ahead, want 6 or more", n)
	}
}

// TestQueue_EndsWhereItIsStopped stops an evaluation and cancels steps, while a batch has been taken ahead.
func TestQueue_EndsWhereItIsStopped(t *testing.T) {
	fixture.Long(t)
	onFake(t, fake.Build(t))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tr, batches := several(t)
	s, err := New().Open(ctx, backend.OpenOptions{Program: tr.program, Threads: 1, Devices: []string{"cuda:0"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // the test is over
	if err := s.SetState(ctx, tr.state); err != nil {
		t.Fatal(err)
	}
	id, err := s.Bind(ctx, tr.data)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = s.Evaluate(ctx, backend.EvalPlan{Dataset: id, Batches: batches}, func(backend.EvalResult) error {
		if seen++; seen == 2 {
			return s.Stop(ctx)
		}
		return nil
	})
	if err != nil || seen != 2 {
		t.Errorf("stopped in batch 2: %d batches were delivered, error %v", seen, err)
	}
	seen = 0
	err = s.Step(ctx, tr.plan(id, 4), func(backend.StepResult) error {
		if seen++; seen == 2 {
			cancel()
		}
		return nil
	})
	if backend.KindOf(err) != backend.Cancelled || seen > 3 {
		t.Errorf("cancelled in step 2: %d steps were delivered, error %v", seen, err)
	}
}
