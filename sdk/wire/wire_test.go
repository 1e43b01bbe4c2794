package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// through sends a head and its chunks in encoded form.
func through[M proto.Message](t *testing.T, o *outbox, head, back M) *inbox {
	t.Helper()
	raw, err := proto.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) > maxMessage {
		t.Errorf("head of %d bytes", len(raw))
	}
	if err := proto.Unmarshal(raw, back); err != nil {
		t.Fatal(err)
	}
	var chunks [][]byte
	err = o.flush(func(c []byte) error {
		if len(c) == 0 || len(c) > chunkSize {
			t.Errorf("chunk of %d bytes", len(c))
		}
		chunks = append(chunks, bytes.Clone(c))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return &inbox{next: func() ([]byte, error) {
		if len(chunks) == 0 {
			return nil, io.EOF
		}
		c := chunks[0]
		chunks = chunks[1:]
		return c, nil
	}}
}

func TestPlan_EveryFieldCrosses(t *testing.T) {
	plan := backend.StepPlan{
		Dataset:   "d",
		Optimiser: backend.Optimiser{Kind: backend.SGD, Beta1: 1, Beta2: 2, Epsilon: 3, Momentum: 4, Nesterov: true, WeightDecay: 5},
		Clip:      backend.Clip{Kind: backend.ClipNorm, Limit: 7}, EMADecay: 8, LossWeights: map[string]float64{"l": 9},
	}
	filled(t, reflect.ValueOf(plan), "StepPlan", "Steps")
	var head pb.StepHead
	through(t, &outbox{}, stepHead(1, plan), &head)
	if got := stepPlan(&head); !reflect.DeepEqual(got, plan) {
		t.Errorf("got %+v", got)
	}
	step := backend.Step{Number: 1, LearningRates: map[string]float64{"": 2, "slow": 3}, Batches: []backend.Batch{
		{Rows: make([]int32, 1<<20), Offsets: make([]float32, 7), Weights: []float32{}, Extra: map[string]tensor.Tensor{
			"a": tensor.Must(make([]uint8, 3<<20+5), 3<<20+5), "b": tensor.Must([]complex64{1i}, 1, 1)}},
		{Rows: []int32{5}},
	}}
	filled(t, reflect.ValueOf(step), "Step")
	filled(t, reflect.ValueOf(step.Batches[0]), "Batch")
	var o outbox
	var m pb.OptimiserStep
	in := through(t, &o, o.step(step), &m)
	if got, err := in.step(&m); err != nil || !reflect.DeepEqual(got, step) {
		t.Errorf("a step with %d batches has changed: %v", len(got.Batches), err)
	}
}

func TestOpenOptions_EveryFieldCrosses(t *testing.T) {
	p, err := arch.Build(arch.Config{N: 16, BaseWidth: 2, FiltersScale: 1})
	if err != nil {
		t.Fatal(err)
	}
	given := backend.OpenOptions{Program: p, Devices: []string{"a:0", "a:1"}, DType: tensor.Float64, Threads: 1, Workers: 2, Prefetch: 3,
		Persistent: true, PinMemory: true, Strategy: "ddp", MemoryLimit: 1 << 40, TF32: true, Deterministic: true, Train: true}
	filled(t, reflect.ValueOf(given), "OpenOptions", "Progress")
	raw, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var o outbox
	var m pb.OpenHead
	in := through(t, &o, o.openHead(given, raw), &m)
	got, err := openOptions(in, &m)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := got.Program.Encode(); err != nil || !bytes.Equal(back, raw) {
		t.Errorf("the program has changed: %v", err)
	}
	got.Program = p
	if !reflect.DeepEqual(got, given) {
		t.Errorf("got %+v, want %+v", got, given)
	}
}

// filled requires that a test sets every field, so that fields added later are tested too.
func filled(t *testing.T, v reflect.Value, name string, except ...string) {
	t.Helper()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if len(except) > 0 && f.Name == except[0] {
			continue
		}
		if v.Field(i).IsZero() {
			t.Errorf("%s.%s is not tested", name, f.Name)
		}
		if f.Type.Kind() == reflect.Struct && f.Type.PkgPath() != "github.com/ptychogo/ptycho/core/tensor" {
			filled(t, v.Field(i), name+"."+f.Name)
		}
	}
}

func TestResult_EveryFieldCrosses(t *testing.T) {
	r := backend.StepResult{Number: 1, Loss: 2, Scalars: map[string]backend.Sum{"s": {Sum: 3, Count: 4}}, GradNorm: 5, Clipped: true, Patterns: 6, Waited: 7}
	filled(t, reflect.ValueOf(r), "StepResult")
	var m pb.StepResponse
	through(t, &outbox{}, stepResultOut(r), &m)
	if got := stepResultIn(&m); !reflect.DeepEqual(got, r) {
		t.Errorf("got %+v", got)
	}
	e := backend.EvalResult{Batch: 1, Scalars: map[string]backend.Sum{"s": {Sum: 3, Count: 4}}}
	filled(t, reflect.ValueOf(e), "EvalResult")
	var me pb.EvaluateResult
	through(t, &outbox{}, evalResultOut(e), &me)
	if got := evalResultIn(&me); !reflect.DeepEqual(got, e) {
		t.Errorf("got %+v", got)
	}
	d := backend.Dataset{Patterns: 1, Arrays: []backend.Array{
		{Input: "x", Gather: backend.Indexed, Index: []int32{1}, Value: tensor.Must([]float32{1}, 1)},
		{Input: "y", Gather: backend.Whole, File: &backend.FileRef{Path: "/p", Offset: 1, DType: tensor.Int64, Shape: []int{2}, Strides: []int64{3}}},
	}}
	filled(t, reflect.ValueOf(*d.Arrays[1].File), "FileRef")
	var od outbox
	head, err := od.dataset(1, d)
	if err != nil {
		t.Fatal(err)
	}
	var md pb.BindHead
	in := through(t, &od, head, &md)
	if got, err := in.dataset(&md); err != nil || !reflect.DeepEqual(got, d) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestErrors_Cross(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		kind backend.Kind
		text string
	}{
		"typed":     {backend.Errorf(backend.Numeric, "op", "what"), backend.Numeric, "op: what"},
		"wrapped":   {fmt.Errorf("a: %w", backend.Errorf(backend.Exhausted, "op", "what")), backend.Exhausted, "a: op: what"},
		"plain":     {errors.New("oh"), backend.Internal, "oh"},
		"cancelled": {fmt.Errorf("a: %w", context.Canceled), backend.Cancelled, "a: context canceled"},
		"deadline":  {context.DeadlineExceeded, backend.Cancelled, "context deadline exceeded"},
		"not utf-8": {errors.New("a\xffb"), backend.Internal, "a�b"},
		"foreign":   {status.Error(codes.Canceled, "gone"), backend.Cancelled, "gone"},
	} {
		e, lost := fromStatus("call", toStatus(c.err))
		if lost || e.Kind != c.kind || e.Error() != c.text {
			t.Errorf("%s: %v of kind %v, lost %v", name, e, e.Kind, lost)
		}
	}
	if e, _ := fromStatus("call", toStatus(errors.New(strings.Repeat("x", 1<<20)))); len(e.What) > 2*maxWhat {
		t.Errorf("text of %d bytes", len(e.What))
	}
	if e, _ := fromStatus("call", status.Error(codes.InvalidArgument, "from elsewhere")); e.Kind != backend.Invalid || e.Error() != "call: from elsewhere" {
		t.Errorf("%v of kind %v", e, e.Kind)
	}
	if _, lost := fromStatus("call", status.Error(codes.Unavailable, "broken pipe")); !lost {
		t.Error("a broken connection is not lost")
	}
	if e, lost := fromStatus("call", status.Error(codes.ResourceExhausted, "grpc: received message larger than max (20971520 vs. 16777216)")); lost || e.Kind != backend.Internal || !strings.Contains(e.What, "larger than 16 MiB") {
		t.Errorf("a message above the limit is %v of kind %v", e, e.Kind)
	}
	if e, _ := fromStatus("call", toStatus(backend.Errorf(backend.Invalid, "o\x1b[31mp", "a\x1b]0;owned\ab\nc"))); e.Error() != "op: ab c" {
		t.Errorf("escape sequences of a plugin's error pass: %q", e.Error())
	}
	if toStatus(nil) != nil {
		t.Error("no error became one")
	}
}

// The name of the first backend is a word of its errors.
func TestErrors_SayWhichBackend(t *testing.T) {
	for name, c := range map[string]struct{ what, want string }{
		"step": {"step 3: the loss is NaN", "backend step: open: step 3: the loss is NaN"},
		"toy":  {`backend "toy" does not support --tf32`, `open: backend "toy" does not support --tf32`},
		"mine": {"plugin mine ended", "open: plugin mine ended"},
	} {
		client := &Client{info: backend.Info{Name: name}}
		if got := client.named(backend.Errorf(backend.Invalid, "open", "%s", c.what)).Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestInbox_RejectsInvalidArrays(t *testing.T) {
	none := func() ([]byte, error) { return nil, io.EOF }
	for name, c := range map[string]struct {
		m    *pb.Tensor
		next func() ([]byte, error)
	}{
		"type":     {&pb.Tensor{Dtype: 300, Shape: []int64{1}, Data: []byte{1}}, none},
		"no type":  {&pb.Tensor{Shape: []int64{1}, Data: []byte{1}}, none},
		"negative": {&pb.Tensor{Dtype: 1, Shape: []int64{-1}}, none},
		"huge":     {&pb.Tensor{Dtype: 1, Shape: []int64{1 << 40, 1 << 40}}, none},
		"promised": {&pb.Tensor{Dtype: 1, Shape: []int64{1 << 40}}, none}, // must not allocate 4 TiB
		"axes":     {&pb.Tensor{Dtype: 1, Shape: make([]int64, 100)}, none},
		"data":     {&pb.Tensor{Dtype: 1, Shape: []int64{2}, Data: []byte{1, 2, 3}}, none},
		"too much": {&pb.Tensor{Dtype: 1, Shape: []int64{1}}, func() ([]byte, error) { return make([]byte, 8), nil }},
		"no chunk": {&pb.Tensor{Dtype: 1, Shape: []int64{1}}, func() ([]byte, error) { return nil, nil }},
	} {
		if _, err := (&inbox{next: c.next}).tensor(c.m); backend.KindOf(err) != backend.Invalid || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzInbox(f *testing.F) {
	f.Add(int32(1), int64(2), int64(3), []byte{1, 2, 3, 4}, 3, false)
	f.Add(int32(7), int64(1<<40), int64(1), []byte{}, 1, true)
	f.Fuzz(func(t *testing.T, d int32, h, w int64, raw []byte, size int, inline bool) {
		m := &pb.Tensor{Dtype: pb.DType(d), Shape: []int64{h, w}}
		if inline {
			m.Data = raw
		}
		in := &inbox{next: func() ([]byte, error) {
			if len(raw) == 0 || size < 1 {
				return nil, io.EOF
			}
			c := raw[:min(size, len(raw))]
			raw = raw[len(c):]
			return bytes.Clone(c), nil
		}}
		if x, err := in.tensor(m); err == nil && len(x.Bytes()) != x.Len()*x.DType().Size() {
			t.Errorf("%v with %d bytes", x, len(x.Bytes()))
		}
	})
}
