package backend_test

import (
	"context"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/fixture"
	xla "github.com/ptychogo/ptycho/plugins/xla/backend"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/plugins/xla/library"
)

func small(t testing.TB) *program.Program {
	t.Helper()
	p, err := arch.Build(arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 1})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var refused = fixture.Refused

func TestKinds_CoverEveryOperation(t *testing.T) {
	for _, k := range program.Kinds() {
		found := false
		for _, have := range xla.New().Info().Operations {
			found = found || have == k
		}
		if !found {
			t.Errorf("%s is missing", k)
		}
	}
}

func TestOpen_NamesSetupWithoutTheLibrary(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv(library.Variable(library.CPU), "")
	_, err := xla.New().Open(context.Background(), backend.OpenOptions{Program: small(t), Devices: []string{"cpu"}})
	if !engine.Built {
		refused(t, err, backend.Unsupported, "cgo")
		return
	}
	refused(t, err, backend.NotFound, "ptycho plugins setup xla")
}

func TestOpen_RefusesMissingDevices(t *testing.T) {
	if !engine.Built {
		t.Skip("this test was built without cgo, which XLA needs")
	}
	for device, words := range map[string]string{"cuda:99": "cuda", "cuda:x": "cpu, cpu:N or cuda:N", "tpu": "cpu, cpu:N or cuda:N", "cpu:4": "--devices 4 or fewer"} {
		_, err := xla.New().Open(context.Background(), backend.OpenOptions{Program: small(t), Devices: []string{device}})
		refused(t, err, backend.Unavailable, words)
	}
}

func TestOpen_RefusesDevicesThatCannotShareWork(t *testing.T) {
	available(t)
	for _, c := range []struct {
		devices  []string
		strategy string
		kind     backend.Kind
		words    string
	}{
		{[]string{"cpu", "cuda:0"}, "ddp", backend.Unsupported, "devices of one kind"},
		{[]string{"cpu:1", "cpu:1"}, "ddp", backend.Invalid, "named twice"},
		{[]string{"cpu", "cpu:9"}, "", backend.Unavailable, "cpu:9"},
		{[]string{"cpu", "cpu:1"}, "deepspeed", backend.Unsupported, "--strategy ddp"},
		{[]string{"cuda:0", "cuda:1", "cuda:2", "cuda:3", "cuda:4", "cuda:5", "cuda:6", "cuda:7", "cuda:8"}, "", backend.Unsupported, "use --devices 8 or fewer"},
	} {
		_, err := xla.New().Open(context.Background(), backend.OpenOptions{Program: small(t), Devices: c.devices, Strategy: c.strategy})
		refused(t, err, c.kind, c.words)
	}
}

func TestOpen_RefusesAFlagThatEndsTheProcess(t *testing.T) {
	available(t)
	t.Setenv("XLA_FLAGS", "--xla_cpu_max_isa=AVX2 --xla_misspelt=1")
	_, err := xla.New().Open(context.Background(), backend.OpenOptions{Program: small(t), Devices: []string{"cpu"}})
	refused(t, err, backend.Invalid, "--xla_misspelt=1")
}

func TestFits_RefusesAHugeBatchBeforeCompiling(t *testing.T) {
	available(t)
	ctx := context.Background()
	p, err := arch.Build(arch.Config{N: 64, Gridsize: 1})
	if err != nil {
		t.Fatal(err)
	}
	s, err := xla.New().Open(ctx, backend.OpenOptions{Program: p, Devices: []string{"cpu"}, MemoryLimit: 1 << 30, Train: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	weights, err := arch.Initial(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	state := backend.State{Slots: map[backend.Slot]map[string]tensor.Tensor{backend.Weights: weights, backend.Buffers: {}}}
	for _, b := range p.Buffers {
		d := tensor.Float32
		if b.Kind == program.Complex {
			d = tensor.Complex64
		}
		if state.Slots[backend.Buffers][b.Name], err = tensor.Zeros(d, b.Shape...); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetState(ctx, state); err != nil {
		t.Fatal(err)
	}
	d := backend.Dataset{Patterns: 1}
	for _, in := range p.Inputs {
		switch in.Name {
		case program.Counts:
			d.Arrays = append(d.Arrays, backend.Array{Input: in.Name, Gather: backend.PerPattern, Value: tensor.Must(make([]float32, 64*64), 1, 64, 64)})
		case program.Probe:
			d.Arrays = append(d.Arrays, backend.Array{Input: in.Name, Gather: backend.Whole, Value: tensor.Must(make([]complex64, 64*64), 1, 64, 64)})
		case program.Mask, program.Background:
			d.Arrays = append(d.Arrays, backend.Array{Input: in.Name, Gather: backend.Whole, Value: tensor.Must(make([]float32, 64*64), 64, 64)})
		}
	}
	id, err := s.Bind(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]int32, 4096)
	err = s.Evaluate(ctx, backend.EvalPlan{Dataset: id, Batches: []backend.Batch{{Rows: rows, Offsets: make([]float32, 2*len(rows))}}}, func(backend.EvalResult) error { return nil })
	refused(t, err, backend.Exhausted, "MiB", "smaller batches")
}
