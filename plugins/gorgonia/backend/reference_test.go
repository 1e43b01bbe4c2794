package backend

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// trial is a program with weights, a dataset and one batch, all drawn from a seed.
type trial struct {
	program *program.Program
	state   backend.State
	data    backend.Dataset
	batch   backend.Batch
	weights map[string]float64
	limit   int64 // of memory; 0: none
}

// Long: one batch, created in order from its architecture to its inputs.
func newTrial(t testing.TB, c arch.Config, groups int) trial {
	t.Helper()
	p, err := arch.Build(c)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(11, 12))
	initial, err := arch.Initial(p, 5)
	if err != nil {
		t.Fatal(err)
	}
	// Biases that are not zero, so that an error in their position is visible.
	for _, q := range p.Params {
		if len(q.Shape) == 1 {
			b, _ := tensor.Data[float32](initial[q.Name])
			for i := range b {
				b[i] = float32(0.05 * rng.NormFloat64())
			}
		}
	}
	buffers := map[string]tensor.Tensor{}
	for i, b := range p.Buffers {
		buffers[b.Name] = tensor.Must([]float32{[]float32{1.1, 0.9, 0.6}[i]})
	}
	n, patterns := c.N, 3*p.Group
	counts := make([]uint16, patterns*n*n)
	for i := range counts {
		counts[i] = uint16(rng.ExpFloat64() * 6)
	}
	probe := make([]complex64, n*n)
	for i := range probe {
		y, x := float64(i/n-n/2+1), float64(i%n-n/2)
		a := 6 * math.Exp(-(y*y+1.3*x*x)/float64(n*n/10))
		probe[i] = complex(float32(a*math.Cos(y*0.2)), float32(a*math.Sin(x*y*0.02)))
	}
	mask, background := make([]float32, n*n), make([]float32, n*n)
	for i := range mask {
		mask[i], background[i] = 1, 0.05
	}
	mask[5] = 0
	whole := func(name string, v tensor.Tensor) backend.Array {
		return backend.Array{Input: name, Gather: backend.Whole, Value: v}
	}
	tr := trial{program: p, weights: map[string]float64{}}
	for _, sc := range p.Scalars {
		if sc.Loss {
			tr.weights[sc.Name] = 1
		}
	}
	tr.state = backend.State{Slots: map[backend.Slot]map[string]tensor.Tensor{backend.Weights: initial, backend.Buffers: buffers}}
	tr.data = backend.Dataset{Patterns: patterns, Arrays: []backend.Array{
		{Input: program.Counts, Gather: backend.PerPattern, Value: tensor.Must(counts, patterns, n, n)},
		whole(program.Probe, tensor.Must(probe, 1, n, n)), whole(program.Mask, tensor.Must(mask, n, n)),
		whole(program.Background, tensor.Must(background, n, n)),
	}}
	for range groups {
		for range p.Group {
			tr.batch.Rows = append(tr.batch.Rows, int32(rng.IntN(patterns)))
			tr.batch.Offsets = append(tr.batch.Offsets, float32(4*rng.Float64()-2), float32(4*rng.Float64()-2))
		}
	}
	return tr
}

// open returns a session of the given precision with the trial's state and dataset.
func (tr trial) open(t testing.TB, d tensor.DType, threads int) (backend.Session, backend.BatchRef) {
	t.Helper()
	return tr.openOn(t, "cpu", d, threads)
}

// openOn is open on a device.
func (tr trial) openOn(t testing.TB, device string, d tensor.DType, threads int) (backend.Session, backend.BatchRef) {
	t.Helper()
	s, err := New().Open(context.Background(), backend.OpenOptions{Program: tr.program, DType: d, Threads: threads, Devices: []string{device}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.SetState(context.Background(), tr.state); err != nil {
		t.Fatal(err)
	}
	id, err := s.Bind(context.Background(), tr.data)
	if err != nil {
		t.Fatal(err)
	}
	return s, backend.BatchRef{Dataset: id, Batch: tr.batch, LossWeights: tr.weights}
}

// plan returns Adam steps on the trial's batch.
func (tr trial) plan(id backend.DatasetID, steps int) backend.StepPlan {
	p := backend.StepPlan{
		Dataset:     id,
		Optimiser:   backend.Optimiser{Kind: backend.Adam, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8},
		Clip:        backend.Clip{Kind: backend.ClipNorm, Limit: 1},
		LossWeights: tr.weights,
	}
	for i := range steps {
		p.Steps = append(p.Steps, backend.Step{Number: int64(i + 1), Batches: []backend.Batch{tr.batch}, LearningRates: map[string]float64{"": 1e-3}})
	}
	return p
}

// oracle computes all values and gradients of the trial with core/reference.
func (tr trial) oracle(t testing.TB) (loss float64, values, grads map[string]*reference.Value) {
	t.Helper()
	m, err := reference.New(tr.program)
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]*reference.Value{}
	for _, slot := range []backend.Slot{backend.Weights, backend.Buffers} {
		for name, v := range tr.state.Slots[slot] {
			given[name], _ = reference.FromTensor(v)
		}
	}
	groups := len(tr.batch.Rows) / tr.program.Group
	for _, a := range tr.data.Arrays {
		v, err := reference.FromTensor(a.Value)
		if err != nil {
			t.Fatal(err)
		}
		if a.Gather == backend.PerPattern {
			size := program.Count(v.Shape[1:])
			g := reference.NewValue(program.Real, append([]int{groups, tr.program.Group}, v.Shape[1:]...))
			for i, r := range tr.batch.Rows {
				copy(g.Real[i*size:], v.Real[int(r)*size:][:size])
			}
			v = g
		}
		given[a.Input] = v
	}
	offsets := reference.NewValue(program.Real, []int{groups, tr.program.Group, 2})
	for i, o := range tr.batch.Offsets {
		offsets.Real[i] = float64(o)
	}
	given[program.Offsets] = offsets
	if values, err = m.Forward(groups, given); err != nil {
		t.Fatal(err)
	}
	loss, seeds := m.LossSeeds(values, tr.weights, nil, 0)
	return loss, values, m.Backward(values, seeds)
}

// distance returns the relative L2 error of got.
func distance(t testing.TB, got tensor.Tensor, want *reference.Value) float64 {
	t.Helper()
	g, err := reference.FromTensor(got)
	if err != nil {
		t.Fatal(err)
	}
	d, n := 0.0, 1e-300
	for i, w := range want.Real {
		d += (g.Real[i] - w) * (g.Real[i] - w)
		n += w * w
	}
	for i, w := range want.Complex {
		e := g.Complex[i] - w
		d += real(e)*real(e) + imag(e)*imag(e)
		n += real(w)*real(w) + imag(w)*imag(w)
	}
	return math.Sqrt(d / n)
}

func TestArchitectures_AgreeWithReference(t *testing.T) {
	for _, c := range []struct {
		config arch.Config
		groups int
	}{
		{arch.Config{N: 16, FiltersScale: 1, BaseWidth: 4, Gridsize: 2}, 2},
		{arch.Config{N: 24, FiltersScale: 1, BaseWidth: 4, Gridsize: 1}, 3},
		{arch.Config{N: 16, FiltersScale: 1, BaseWidth: 4, Gridsize: 2, Loss: "amplitude"}, 1},
		{arch.Config{Arch: "cnn", N: 64, FiltersScale: 1, BaseWidth: 8, Gridsize: 2, Canvas: 72, PadObject: true, ProbeBig: true}, 1},
		{arch.Config{Arch: "cnn", N: 64, FiltersScale: 1, BaseWidth: 4, Gridsize: 1, AmpActivation: "swish"}, 2},
		{arch.Config{Arch: "cnn", N: 64, FiltersScale: 1, BaseWidth: 8, Gridsize: 2, PadObject: true, ProbeBig: true, BackProject: true, Align: true, Separate: true}, 2},
	} {
		// The limits in float32 are those of a small model in the design, where gradients may be near kinks.
		for d, limit := range map[tensor.DType]struct{ value, gradient float64 }{tensor.Float64: {1e-10, 1e-9}, tensor.Float32: {1e-5, 5e-4}} {
			t.Run(fmt.Sprintf("%s N%d gridsize %d %s %v", c.config.Arch, c.config.N, c.config.Gridsize, c.config.Loss, d), func(t *testing.T) {
				agree(t, newTrial(t, c.config, c.groups), d, limit.value, limit.gradient)
			})
		}
	}
}

func TestArchitectures_AgreeAtFullSize(t *testing.T) {
	if testing.Short() {
		t.Skip("the reference takes ten seconds")
	}
	configs := []arch.Config{{N: 64, Gridsize: 2}}
	if fixture.All() {
		configs = append(configs, arch.Config{N: 128, FiltersScale: 1, Gridsize: 1}, arch.Config{Arch: "cnn", N: 64, Gridsize: 2, Canvas: 80, PadObject: true, ProbeBig: true})
	}
	if fixture.Full() {
		configs = append(configs, arch.Config{N: 128, Gridsize: 2}, arch.Config{Arch: "cnn", N: 128, Gridsize: 1, PadObject: true, ProbeBig: true})
	}
	for _, c := range configs {
		t.Run(fmt.Sprintf("%s N%d gridsize %d", c.Arch, c.N, c.Gridsize), func(t *testing.T) {
			// The design's limits at full size: network forward 1e-5, one parameter's gradient 2e-3.
			agree(t, newTrial(t, c, 1), tensor.Float32, 1e-5, 2e-3)
		})
	}
}

// agree compares values, loss and gradients of a trial with the reference, by relative L2 error.
func agree(t *testing.T, tr trial, d tensor.DType, values, gradients float64) {
	t.Helper()
	wantLoss, wantValues, grads := tr.oracle(t)
	s, ref := tr.open(t, d, 2)
	taps := []string{program.Patches, arch.Merged, "lambda", arch.Deviance, arch.ExpectedDeviance}
	got, err := s.(backend.Inspector).Forward(context.Background(), ref, taps...)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range taps {
		if e := distance(t, got[name], wantValues[name]); !(e < values) {
			t.Errorf("%s: relative error %.2g", name, e)
		}
	}
	loss, dw, err := s.(backend.Inspector).Gradient(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if e := math.Abs(loss.Value-wantLoss) / math.Abs(wantLoss); !(e < values) {
		t.Errorf("loss: relative error %.2g", e)
	}
	for name, g := range dw {
		if e := distance(t, g, grads[name]); !(e < gradients) {
			t.Errorf("gradient of %s: relative error %.2g", name, e)
		}
	}
}
