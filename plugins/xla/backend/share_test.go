package backend

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/fixture"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/plugins/xla/library"
)

// sharedGroups is the number of groups of the data. A batch of all groups has five shards of two groups, the last one filled.
const sharedGroups = 9

// shared is a small network with its weights and data, its precision, and the groups of its course: of the batches of each step.
type shared struct {
	program *program.Program
	given   map[string]*reference.Value
	dtype   tensor.DType
	steps   [][][]int
}

// newUNet returns a small U-Net in float32. All its batches have shards of one group, so that few functions are compiled.
func newUNet(t *testing.T) shared {
	t.Helper()
	p, err := arch.Build(arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 2})
	check(t, err)
	return draw(t, p, tensor.Float32, [][][]int{{{4, 2, 0}}, {{8, 1, 3}}})
}

// draw returns a network with random weights and data.
func draw(t *testing.T, p *program.Program, dtype tensor.DType, steps [][][]int) shared {
	t.Helper()
	if !engine.Built {
		t.Skip("this test was built without cgo, which XLA needs")
	}
	if _, err := Library(library.CPU); err != nil {
		t.Skip(err)
	}
	given, _, err := reference.ClearValues(p, sharedGroups, 3, 1)
	check(t, err)
	return shared{p, given, dtype, steps}
}

// newShared returns a network of one convolution in float64.
func newShared(t *testing.T) shared {
	t.Helper()
	perGroup := func(dims ...program.Dim) program.Type {
		return program.Type{Kind: program.Real, Shape: append(program.Shape{program.PerGroup(1)}, dims...)}
	}
	p := &program.Program{Name: "shared", N: 8, Group: 2,
		Inputs: []program.Input{{Name: program.Counts, Type: perGroup(2, 8, 8)}, {Name: program.Offsets, Type: perGroup(2, 2)},
			{Name: program.Mask, Type: program.Type{Kind: program.Real, Shape: program.Shape{8, 8}}}},
		Params: []program.Param{{Name: "kernel", Kind: program.Real, Shape: []int{2, 2, 3, 3}, Init: program.Init{Kind: program.HeNormal}, Trainable: true},
			{Name: "bias", Kind: program.Real, Shape: []int{2}, Init: program.Init{Kind: program.Constant}, Trainable: true}},
		Ops: []program.Op{
			{Kind: program.Conv2D, Out: "x", In: []string{program.Counts, "kernel", "bias"}},
			{Kind: program.Softplus, Out: "y", In: []string{"x"}},
			{Kind: program.MakeComplex, Out: "object", In: []string{"y", "x"}},
			{Kind: program.Translate, Out: "moved", In: []string{"object", program.Offsets}},
			{Kind: program.Abs2, Out: "power", In: []string{"moved"}},
			{Kind: program.Affine, Out: "lambda", In: []string{"power"}, Attrs: map[string]float64{"shift": 1}},
			{Kind: program.PoissonDeviance, Out: "each", In: []string{"lambda", program.Counts, program.Mask}},
		},
		Scalars: []program.Scalar{{Name: "deviance", Value: "each", Loss: true}},
		Outputs: []program.Output{{Name: program.Patches, Value: "object"}}}
	return draw(t, p, tensor.Float64, [][][]int{{{4, 2, 0, 3, 1, 8, 5, 7, 6}}, {{1, 3, 2}, {0}, {4, 2}}})
}

func (w shared) state() backend.State {
	st := backend.State{Slots: map[backend.Slot]map[string]tensor.Tensor{backend.Weights: {}, backend.Buffers: {}}}
	for _, q := range w.program.Params {
		st.Slots[backend.Weights][q.Name] = w.given[q.Name].Tensor()
	}
	for _, q := range w.program.Buffers {
		st.Slots[backend.Buffers][q.Name] = w.given[q.Name].Tensor()
	}
	return st
}

// dataset returns the patterns in the order of the draw.
func (w shared) dataset() backend.Dataset {
	d := backend.Dataset{Patterns: sharedGroups * w.program.Group}
	for _, in := range w.program.Inputs {
		v := w.given[in.Name]
		switch {
		case in.Name == program.Offsets:
		case len(in.Type.Shape) > 1 && in.Type.Shape[0] < 0:
			all := *v
			all.Shape = append([]int{d.Patterns}, v.Shape[2:]...)
			d.Arrays = append(d.Arrays, backend.Array{Input: in.Name, Gather: backend.PerPattern, Value: all.Tensor()})
		default:
			d.Arrays = append(d.Arrays, backend.Array{Input: in.Name, Gather: backend.Whole, Value: v.Tensor()})
		}
	}
	return d
}

// batch returns a batch of groups in an order other than the dataset's, with different weights of the patterns.
func (w shared) batch(groups ...int) backend.Batch {
	var b backend.Batch
	for _, g := range groups {
		for i := range w.program.Group {
			row := g*w.program.Group + i
			b.Rows = append(b.Rows, int32(row))
			b.Weights = append(b.Weights, 0.5+0.25*float32(row%4))
			for _, x := range w.given[program.Offsets].Real[2*row:][:2] {
				b.Offsets = append(b.Offsets, float32(x))
			}
		}
	}
	return b
}

// course holds all results of a session: steps of one batch and of micro-batches, clipped, with a moving average, then an
// evaluation and predictions.
type course struct {
	Steps   []backend.StepResult
	Evals   []backend.EvalResult
	Patches [][]float64
	State   map[string][]float64
}

// follow runs the course on a number of devices.
func (w shared) follow(t *testing.T, devices int, strategy string) course {
	t.Helper()
	s, out, ctx := w.open(t, devices, strategy), course{}, context.Background()
	id := w.train(t, s, &out)
	batches := []backend.Batch{w.batch(w.steps[0][0]...), w.batch(3)}
	check(t, s.Evaluate(ctx, backend.EvalPlan{Dataset: id, Batches: batches, EMA: true}, func(r backend.EvalResult) error {
		out.Evals = append(out.Evals, r)
		return nil
	}))
	check(t, s.Reconstruct(ctx, backend.ReconPlan{Dataset: id, Batches: batches[:1]}, func(r backend.Patches) error {
		out.Patches = append(out.Patches, numbers(t, r.Data))
		return nil
	}))
	return out
}

// train runs the steps of the course and checks that all devices have the same state.
func (w shared) train(t *testing.T, s *session, out *course) backend.DatasetID {
	t.Helper()
	ctx := context.Background()
	id, err := s.Bind(ctx, w.dataset())
	check(t, err)
	var steps []backend.Step
	for i, batches := range w.steps {
		st := backend.Step{Number: int64(i + 1), LearningRates: map[string]float64{"": 1e-3}}
		for _, groups := range batches {
			st.Batches = append(st.Batches, w.batch(groups...))
		}
		steps = append(steps, st)
	}
	p := backend.StepPlan{Dataset: id, Steps: steps, LossWeights: map[string]float64{w.program.Scalars[0].Name: 1.5}, EMADecay: 0.5, Clip: backend.Clip{Kind: backend.ClipNorm, Limit: 0.1},
		Optimiser: backend.Optimiser{Kind: backend.Adam, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-3}}
	check(t, s.Step(ctx, p, func(r backend.StepResult) error {
		r.Waited = 0
		out.Steps = append(out.Steps, r)
		return nil
	}))
	state, err := s.State(ctx)
	check(t, err)
	out.State = map[string][]float64{}
	for slot, arrays := range state.Slots {
		for name, a := range arrays {
			out.State[fmt.Sprint(slot, " ", name)] = numbers(t, a)
		}
	}
	w.alike(t, s)
	return id
}

func (w shared) open(t *testing.T, devices int, strategy string) *session {
	t.Helper()
	ids := []string{"cpu", "cpu:1", "cpu:2", "cpu:3"}[:devices]
	opened, err := New().Open(context.Background(), backend.OpenOptions{Program: w.program, Devices: ids, DType: w.dtype, Train: true, Strategy: strategy})
	check(t, err)
	t.Cleanup(func() { opened.Close() })
	check(t, opened.SetState(context.Background(), w.state()))
	return opened.(*session)
}

// alike checks that every device holds the same state, to the bit.
func (w shared) alike(t *testing.T, s *session) {
	t.Helper()
	for a, b := range s.state {
		first, err := s.download(b, a.Name, 1)
		check(t, err)
		for d := range b {
			copied, err := s.download(b[d:], a.Name, 1)
			check(t, err)
			if !bytes.Equal(first.Bytes(), copied.Bytes()) {
				t.Errorf("%s of %s differs between the devices 0 and %d of %d", a.Part, a.Name, d, len(b))
			}
		}
	}
}

func numbers(t *testing.T, a tensor.Tensor) []float64 {
	t.Helper()
	n := a.Len()
	if a.DType().IsComplex() {
		n *= 2
	}
	flat := make([]float64, n)
	check(t, tensor.Flatten(flat, a))
	return flat
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The bits of a training, an evaluation and a prediction do not depend on the number of devices: XLA compiles the same
// function for a shard, and the gradients of the shards are added in one order.
func TestDevices_AnyNumberGivesTheSameBits(t *testing.T) {
	w, numbers := newShared(t), []int{3}
	if fixture.All() {
		numbers = []int{2, 3, 4}
	}
	one := reflect.ValueOf(w.follow(t, 1, dataParallel))
	for _, n := range numbers {
		differ(t, fmt.Sprintf("%d devices", n), reflect.ValueOf(w.follow(t, n, dataParallel)), one, 0)
	}
}

// The same holds for the training of a network in float32, in which fusion and the shapes of convolutions change the rounding.
func TestDevices_AnyNumberTrainsTheSameUNet(t *testing.T) {
	fixture.NeedsAll(t) // compiles a U-Net three times
	w, one := newUNet(t), course{}
	w.train(t, w.open(t, 1, dataParallel), &one)
	for _, n := range []int{2, 4} {
		var several course
		w.train(t, w.open(t, n, dataParallel), &several)
		differ(t, fmt.Sprintf("%d devices", n), reflect.ValueOf(several), reflect.ValueOf(one), 0)
	}
}

// In float64 the sums of shards and of a whole batch differ by rounding only. A group that is counted twice or not at all, a
// misplaced pattern or filling that is counted would change the first digits.
func TestShards_AgreeWithTheWholeBatch(t *testing.T) {
	w := newShared(t)
	differ(t, "3 devices", reflect.ValueOf(w.follow(t, 3, dataParallel)), reflect.ValueOf(w.follow(t, 1, "")), 1e-9)
}

// Filling never adds a NaN to a batch: the batch has one group, which the other devices copy.
func TestDevices_FillWithCopiesOfTheFirstGroup(t *testing.T) {
	w := newShared(t)
	s := w.open(t, 4, "")
	ctx := context.Background()
	id, err := s.Bind(ctx, w.dataset())
	check(t, err)
	out, err := s.Forward(ctx, backend.BatchRef{Dataset: id, Batch: w.batch(1)}, program.Counts)
	check(t, err)
	if out[program.Counts].Shape()[0] != 1 {
		t.Fatalf("the batch of one group comes back as %v", out[program.Counts])
	}
	counts, err := tensor.Data[float64](out[program.Counts])
	check(t, err)
	item, err := s.One(id, w.batch(1), program.Counts)
	check(t, err)
	b, err := s.loadInput(program.Counts, item[program.Counts], 1)
	check(t, err)
	defer engine.Free(b)
	all := make([]float64, len(counts)*4)
	check(t, s.client.Join(b, all, len(counts)))
	for d := range 4 {
		if !slices.Equal(all[d*len(counts):][:len(counts)], counts) {
			t.Errorf("device %d does not hold a copy of the first group", d)
		}
	}
}

// differ compares numbers, lists, maps and structs of them. A difference is measured against the largest number of a list.
func differ(t *testing.T, what string, got, want reflect.Value, tolerance float64) {
	t.Helper()
	switch want.Kind() {
	case reflect.Struct:
		for i := range want.NumField() {
			differ(t, what+" "+want.Type().Field(i).Name, got.Field(i), want.Field(i), tolerance)
		}
	case reflect.Map:
		if got.Len() != want.Len() {
			t.Errorf("%s: %d entries, want %d", what, got.Len(), want.Len())
		}
		for _, k := range want.MapKeys() {
			if g := got.MapIndex(k); g.IsValid() {
				differ(t, fmt.Sprint(what, " ", k), g, want.MapIndex(k), tolerance)
			} else {
				t.Errorf("%s: %v is missing", what, k)
			}
		}
	case reflect.Slice:
		if got.Len() != want.Len() {
			t.Errorf("%s: %d elements, want %d", what, got.Len(), want.Len())
			return
		}
		switch a := got.Interface().(type) {
		case []float64:
			apart(t, what, a, want.Interface().([]float64), tolerance)
		default:
			for i := range want.Len() {
				differ(t, fmt.Sprint(what, " ", i), got.Index(i), want.Index(i), tolerance)
			}
		}
	case reflect.Float64:
		apart(t, what, []float64{got.Float()}, []float64{want.Float()}, tolerance)
	default:
		if !got.Equal(want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
}

func apart(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	most, size := 0.0, 0.0
	for i := range want {
		if tolerance == 0 && math.Float64bits(got[i]) != math.Float64bits(want[i]) {
			t.Errorf("%s: number %d is %v, want the bits of %v", what, i, got[i], want[i])
			return
		}
		most, size = max(most, math.Abs(got[i]-want[i])), max(size, math.Abs(want[i]))
	}
	if !(most <= tolerance*size) {
		t.Errorf("%s: differs by %.2g of %.2g, want at most %.0e of it", what, most, size, tolerance)
	}
}
