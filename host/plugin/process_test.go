//go:build unix

package plugin

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

func wantKind(t *testing.T, err error, kind backend.Kind, parts ...string) {
	t.Helper()
	if err == nil || backend.KindOf(err) != kind {
		t.Fatalf("error %v of kind %q, want kind %q", err, backend.KindOf(err), kind)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

func TestStart_DescribesBackend(t *testing.T) {
	p := start(t, role(t, "plugin"))
	i := p.Info()
	if i.Name != "toy" || i.Version != "1.2.3" || i.ProtocolMajor != backend.ProtocolMajor || !i.Has(backend.CanInspect) ||
		len(i.DTypes) != 1 || len(i.Operations) != 1 {
		t.Errorf("info %+v", i)
	}
	devices, err := p.Devices(t.Context())
	if err != nil || len(devices) < 2 || devices[0].Memory != 1<<40 || !devices[0].Usable {
		t.Errorf("devices %+v, %v", devices, err)
	}
	var events []backend.Event
	prog := toyProgram("toy")
	s, err := p.Open(t.Context(), backend.OpenOptions{Program: prog, Progress: func(e backend.Event) { events = append(events, e) }})
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != 3 || events[2] != (backend.Event{Phase: "compile", Message: "toy", Done: 3, Total: 3}) {
		t.Errorf("events %+v", events)
	}
	if !reflect.DeepEqual(s.Params(), prog.Params) {
		t.Errorf("parameters %+v, want %+v", s.Params(), prog.Params)
	}
	if _, ok := s.(backend.Inspector); !ok {
		t.Error("the session does not inspect, the plugin's does")
	}
	if _, ok := open(t, p, "blind").(backend.Inspector); ok {
		t.Error("the session inspects, the plugin's does not")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	_, err = s.State(t.Context())
	wantKind(t, err, backend.NotFound, "session")

	bad := toyProgram("toy")
	bad.N = 0
	_, err = p.Open(t.Context(), backend.OpenOptions{Program: bad})
	wantKind(t, err, backend.Invalid, "geometry")
}

func TestProcess_EventsArriveBeforeClose(t *testing.T) {
	p := start(t, role(t, "plugin"))
	var mu sync.Mutex
	var steps []int64
	s, err := p.Open(t.Context(), backend.OpenOptions{Program: toyProgram("toy"), Progress: func(e backend.Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Phase == "step" && e.Seconds == 0.5 {
			steps = append(steps, e.Done)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	var plan backend.StepPlan
	for i := range int64(100) {
		plan.Steps = append(plan.Steps, backend.Step{Number: i, Batches: []backend.Batch{{Rows: []int32{0}}}})
	}
	if err := s.Step(t.Context(), plan, func(backend.StepResult) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(steps) != 100 || !slices.IsSorted(steps) {
		t.Errorf("%d events of 100 steps were received, in order: %v", len(steps), slices.IsSorted(steps))
	}
}

func TestProcess_StateRoundTrip(t *testing.T) {
	rows := 27 // of 4 MiB; with the arrays beside them they are not a multiple of a chunk
	if testing.Short() {
		rows = 3
	}
	p := toyProgram("toy")
	zero := program.Init{Kind: program.Constant}
	p.Params = []program.Param{{Name: "big", Kind: program.Real, Shape: []int{rows, 1 << 20}, Init: zero}, {Name: "c", Kind: program.Complex, Shape: []int{2}, Init: zero},
		{Name: "one", Kind: program.Real, Init: zero}, {Name: "odd", Kind: program.Real, Shape: []int{3<<20 + 1}, Init: zero}}
	p.Buffers = []program.Buffer{{Name: "i", Kind: program.Index, Shape: []int{2}}}
	s, err := start(t, role(t, "plugin")).Open(t.Context(), backend.OpenOptions{Program: p, Train: true})
	if err != nil {
		t.Fatal(err)
	}
	big := make([]float32, rows<<20)
	for i := range big {
		big[i] = float32(i) * 0.5
	}
	want := backend.State{Step: 1 << 40, Slots: map[backend.Slot]map[string]tensor.Tensor{
		backend.Weights: {
			"big": tensor.Must(big, rows, 1<<20),
			"c":   tensor.Must([]complex64{1 + 2i, -3i}, 2),
			"one": tensor.Must([]float32{7}),
			"odd": tensor.Must(make([]float32, 3<<20+1), 3<<20+1),
		},
		backend.Buffers: {"i": tensor.Must([]int32{-1, 1 << 30}, 2)},
		backend.EMA:     {},
	}}
	if err = s.SetState(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	got, err := s.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Step != want.Step || len(got.Slots) != 3 {
		t.Fatalf("step %d and %d slots", got.Step, len(got.Slots))
	}
	for slot, tensors := range want.Slots {
		if len(got.Slots[slot]) != len(tensors) {
			t.Errorf("slot %s has %d arrays, want %d", slot, len(got.Slots[slot]), len(tensors))
		}
		for name, w := range tensors {
			g := got.Slots[slot][name]
			if g.String() != w.String() || !bytes.Equal(g.Bytes(), w.Bytes()) {
				t.Errorf("%s %s: got %v, want %v, or other values", slot, name, g, w)
			}
		}
	}
}

// counts writes [4, 2, 3] uint16 with the value of the pattern's number everywhere, transposed in the file.
func countsFile(t *testing.T) *backend.FileRef {
	t.Helper()
	path := filepath.Join(t.TempDir(), "counts.bin")
	raw := make([]byte, 64, 64+48)
	for range 6 { // pixels are the slow axis
		for p := range 4 {
			raw = append(raw, byte(p), 0)
		}
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return &backend.FileRef{Path: path, Offset: 64, DType: tensor.Uint16, Shape: []int{4, 2, 3}, Strides: []int64{2, 24, 8}}
}

// singles returns n batches of one pattern.
func singles(n int) []backend.Batch {
	return slices.Repeat([]backend.Batch{{Rows: []int32{0}}}, n)
}

func stepOver(rows ...int32) backend.StepPlan {
	return backend.StepPlan{Dataset: "set0", Steps: []backend.Step{{Number: 1, Batches: []backend.Batch{{Rows: rows}}}}}
}

func losses(t *testing.T, s backend.Session, p backend.StepPlan) (out []float64) {
	t.Helper()
	err := s.Step(t.Context(), p, func(r backend.StepResult) error {
		out = append(out, r.Loss)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestProcess_BindsFilesAndValues(t *testing.T) {
	file := countsFile(t)
	values := make([]float64, 4*6)
	for i := range values {
		values[i] = float64(i / 6)
	}
	for name, array := range map[string]backend.Array{
		"file":  {File: file},
		"value": {Value: tensor.Must(values, 4, 2, 3)},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, start(t, role(t, "plugin")), "toy")
			array.Input, array.Gather = program.Counts, backend.PerPattern
			id, err := s.Bind(t.Context(), backend.Dataset{Patterns: 4, Arrays: []backend.Array{array}})
			if err != nil || id != "set0" {
				t.Fatalf("bound as %q: %v", id, err)
			}
			if got := losses(t, s, stepOver(3, 1, 3)); got[0] != 6*(3+1+3) {
				t.Errorf("sum of counts %v, want 42", got)
			}
			broken := *file
			broken.Offset = 1 << 40
			_, err = s.Bind(t.Context(), backend.Dataset{Patterns: 4, Arrays: []backend.Array{
				{Input: program.Counts, Gather: backend.PerPattern, File: &broken}}})
			wantKind(t, err, backend.Invalid, "too few")
		})
	}
}

func TestProcess_LargePlans(t *testing.T) {
	s := open(t, start(t, role(t, "plugin")), "toy")
	rows := make([]int32, 5<<20) // 20 MiB, larger than a message
	noise := tensor.Must(make([]float32, 1<<20), 1<<20)
	p := backend.StepPlan{Steps: []backend.Step{{Number: 1, Batches: []backend.Batch{{Rows: rows}, {Rows: rows[:3], Extra: map[string]tensor.Tensor{"noise": noise}}}}}}
	for n := range int64(2000) {
		p.Steps = append(p.Steps, backend.Step{Number: n + 2, Batches: []backend.Batch{{Rows: []int32{1}, Offsets: []float32{1, 2}}}})
	}
	last := int64(0)
	err := s.Step(t.Context(), p, func(r backend.StepResult) error {
		if r.Number == 1 && (r.Patterns != 5<<20+3 || r.GradNorm != 1<<20) {
			t.Errorf("first step has %d patterns and %v noise", r.Patterns, r.GradNorm)
		}
		if r.Number != last+1 {
			t.Errorf("step %d after %d", r.Number, last)
		}
		last = r.Number
		return nil
	})
	if err != nil || last != 2001 {
		t.Errorf("ended at step %d: %v", last, err)
	}
}

func TestProcess_ResultsWithArrays(t *testing.T) {
	s := open(t, start(t, role(t, "plugin")), "toy")
	batches := []backend.Batch{{Rows: make([]int32, 1<<18)}, {Rows: []int32{1}}}
	var evals []backend.EvalResult
	err := s.Evaluate(t.Context(), backend.EvalPlan{Batches: batches}, func(r backend.EvalResult) error {
		evals = append(evals, r)
		return nil
	})
	if err != nil || len(evals) != 2 || evals[0].Scalars["loss"].Count != 1<<18 {
		t.Errorf("evaluation %v, %v", len(evals), err)
	}
	err = s.Reconstruct(t.Context(), backend.ReconPlan{Batches: singles(2)}, func(r backend.Patches) error {
		d, err := tensor.Data[complex64](r.Data)
		if err != nil || d[toySize*toySize-1] != complex(float32(r.Batch), toySize*toySize-1) {
			t.Errorf("patches %v: %v", r.Data, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	in := s.(backend.Inspector)
	taps, err := in.Forward(t.Context(), backend.BatchRef{Batch: batches[1]}, "w", "each")
	if b, _ := tensor.Data[float32](taps["each"]); err != nil || len(taps) != 2 || !reflect.DeepEqual(b, []float32{1}) {
		t.Errorf("taps %v, %v", taps, err)
	}
	loss, _, err := in.Gradient(t.Context(), backend.BatchRef{Batch: batches[1], LossWeights: map[string]float64{"loss": 1}})
	if err != nil || loss.Value != 1 || loss.Scalars["loss"] != (backend.Sum{Sum: 1, Count: 1}) {
		t.Errorf("loss %+v, %v", loss, err)
	}
}

// waiting returns a plan whose steps wait for Stop or for the end of the context.
func waiting() backend.StepPlan {
	p := stepOver(0)
	p.Dataset, p.LossWeights = "", map[string]float64{"wait": 1}
	p.Steps = append(p.Steps, p.Steps[0], p.Steps[0])
	return p
}

func TestProcess_StopAfterStep(t *testing.T) {
	s := open(t, start(t, role(t, "plugin")), "toy")
	n := 0
	err := s.Step(t.Context(), waiting(), func(backend.StepResult) error {
		n++
		return s.Stop(t.Context())
	})
	if err != nil || n != 1 {
		t.Errorf("stopped after %d steps: %v", n, err)
	}
}

func TestProcess_CancelLeavesSessionUsable(t *testing.T) {
	p := start(t, role(t, "plugin"))
	s := open(t, p, "toy")
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		err := s.Step(ctx, waiting(), func(backend.StepResult) error { cancel(); return nil })
		wantKind(t, err, backend.Cancelled)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v is not context.Canceled", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := p.Open(ctx, backend.OpenOptions{Program: toyProgram("endless")})
	wantKind(t, err, backend.Cancelled)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is not context.DeadlineExceeded", err)
	}
	mine := errors.New("enough")
	if err := s.Step(t.Context(), waiting(), func(backend.StepResult) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("the error of emit came back as %v", err)
	}
	plan := stepOver(0)
	plan.Dataset = ""
	losses(t, s, plan)
}
