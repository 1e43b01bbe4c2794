package lower_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/cpu"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/plugins/gorgonia/conv"
	"github.com/ptychogo/ptycho/plugins/gorgonia/exec"
	"github.com/ptychogo/ptycho/plugins/gorgonia/lower"
	"github.com/ptychogo/ptycho/plugins/gorgonia/op"
	"github.com/ptychogo/ptycho/plugins/gorgonia/pool"
)

// plan lowers the small U-Net and plans it.
func plan(t *testing.T, r lower.Request) (*lower.Graph, *exec.Machine[float32]) {
	t.Helper()
	p, err := arch.Build(arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1})
	if err != nil {
		t.Fatal(err)
	}
	workers := pool.New(1)
	g, err := lower.Build(&op.Env[float32]{Pool: workers, Conv: conv.New(workers, cpu.Portable)}, p, r)
	if err != nil {
		t.Fatal(err)
	}
	keep := slices.Concat(slices.Collect(maps.Values(g.Values)), slices.Collect(maps.Values(g.Grads)))
	m, err := exec.New(workers, &exec.Arena[float32]{}, g.Expr, keep...)
	if err != nil {
		t.Fatal(err)
	}
	return g, m
}

func TestBuild_PlansOnlyNeeded(t *testing.T) {
	_, m := plan(t, lower.Request{Groups: 2, Values: []string{program.Patches}})
	inputs := m.Inputs()
	for _, name := range []string{program.Mask, program.Background, program.Offsets} {
		if _, ok := inputs[name]; ok {
			t.Errorf("%s is planned although the patches do not depend on it", name)
		}
	}
	if inputs[program.Counts] != 2*4*16*16 {
		t.Errorf("counts have %d elements for 2 groups", inputs[program.Counts])
	}
}

func TestBuild_PlansOnlyRequestedGradients(t *testing.T) {
	g, _ := plan(t, lower.Request{Groups: 1, Values: []string{arch.Deviance}, Losses: []string{arch.Deviance}, Params: []string{"head.bias"}})
	if len(g.Grads) != 1 || g.Grads["head.bias"] == nil {
		t.Fatalf("gradients of %d parameters, want only that of head.bias", len(g.Grads))
	}
	_, one := plan(t, lower.Request{Groups: 1, Values: []string{arch.Deviance}, Losses: []string{arch.Deviance}, Params: []string{"head.bias"}})
	_, deep := plan(t, lower.Request{Groups: 1, Values: []string{arch.Deviance}, Losses: []string{arch.Deviance}, Params: []string{"encoder.0.0.weight"}})
	if one.Steps() >= deep.Steps() {
		t.Errorf("%d steps for the gradient of the last layer, %d for that of the first", one.Steps(), deep.Steps())
	}
}

func TestBuild_FusesReLUWithConvolution(t *testing.T) {
	_, fused := plan(t, lower.Request{Groups: 1, Values: []string{program.Patches}})
	_, apart := plan(t, lower.Request{Groups: 1, Values: []string{program.Patches, "bottleneck.0", "bottleneck.1"}})
	if apart.Steps() != fused.Steps()+2 {
		t.Errorf("%d steps; %d with two convolutions requested, want two more", fused.Steps(), apart.Steps())
	}
}

func TestBuild_ForwardNeedsLessMemory(t *testing.T) {
	_, forward := plan(t, lower.Request{Groups: 2, Values: []string{arch.Deviance}})
	_, both := plan(t, lower.Request{Groups: 2, Values: []string{arch.Deviance}, Losses: []string{arch.Deviance}, Params: []string{"encoder.0.0.weight"}})
	if 2*forward.Bytes() > both.Bytes() {
		t.Errorf("%d bytes forward, %d with the gradient: want less than half", forward.Bytes(), both.Bytes())
	}
}

func TestBuild_UnknownNameIsAnError(t *testing.T) {
	p, err := arch.Build(arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1})
	if err != nil {
		t.Fatal(err)
	}
	workers := pool.New(1)
	env := &op.Env[float32]{Pool: workers, Conv: conv.New(workers, cpu.Portable)}
	for name, r := range map[string]lower.Request{
		"a loss":  {Groups: 1, Losses: []string{"x"}},
		"a value": {Groups: 1, Values: []string{"x"}},
	} {
		if _, err := lower.Build(env, p, r); err == nil {
			t.Errorf("%s that the program does not have was lowered", name)
		}
	}
}
