package backend

import (
	"maps"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/program"
)

// plan lowers the small U-Net and plans it.
func plan(t *testing.T, r request) (*graph, *executor[float32]) {
	t.Helper()
	p, err := arch.Build(arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1})
	if err != nil {
		t.Fatal(err)
	}
	env := newEnv[float32](t, 1)
	g, err := lower(env, p, r)
	if err != nil {
		t.Fatal(err)
	}
	keep := slices.Concat(slices.Collect(maps.Values(g.Values)), slices.Collect(maps.Values(g.Grads)))
	m, err := newExecutor(env.Pool, &arena[float32]{}, g.Expr, keep...)
	if err != nil {
		t.Fatal(err)
	}
	return g, m
}

func TestLower_PlansOnlyNeeded(t *testing.T) {
	_, m := plan(t, request{Groups: 2, Values: []string{program.Patches}})
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

func TestLower_PlansOnlyRequestedGradients(t *testing.T) {
	g, _ := plan(t, request{Groups: 1, Values: []string{arch.Deviance}, Losses: []string{arch.Deviance}, Params: []string{"head.bias"}})
	if len(g.Grads) != 1 || g.Grads["head.bias"] == nil {
		t.Fatalf("gradients of %d parameters, want only that of head.bias", len(g.Grads))
	}
	_, one := plan(t, request{Groups: 1, Values: []string{arch.Deviance}, Losses: []string{arch.Deviance}, Params: []string{"head.bias"}})
	_, deep := plan(t, request{Groups: 1, Values: []string{arch.Deviance}, Losses: []string{arch.Deviance}, Params: []string{"encoder.0.0.weight"}})
	if one.Steps() >= deep.Steps() {
		t.Errorf("%d steps for the gradient of the last layer, %d for that of the first", one.Steps(), deep.Steps())
	}
}

func TestLower_FusesReLUWithConvolution(t *testing.T) {
	_, fused := plan(t, request{Groups: 1, Values: []string{program.Patches}})
	_, apart := plan(t, request{Groups: 1, Values: []string{program.Patches, "bottleneck.0", "bottleneck.1"}})
	if apart.Steps() != fused.Steps()+2 {
		t.Errorf("%d steps; %d with two convolutions requested, want two more", fused.Steps(), apart.Steps())
	}
}

func TestLower_ForwardNeedsLessMemory(t *testing.T) {
	_, forward := plan(t, request{Groups: 2, Values: []string{arch.Deviance}})
	_, both := plan(t, request{Groups: 2, Values: []string{arch.Deviance}, Losses: []string{arch.Deviance}, Params: []string{"encoder.0.0.weight"}})
	if 2*forward.Bytes() > both.Bytes() {
		t.Errorf("%d bytes forward, %d with the gradient: want less than half", forward.Bytes(), both.Bytes())
	}
}

func TestLower_UnknownNameIsAnError(t *testing.T) {
	p, err := arch.Build(arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1})
	if err != nil {
		t.Fatal(err)
	}
	env := newEnv[float32](t, 1)
	for name, r := range map[string]request{
		"a loss":  {Groups: 1, Losses: []string{"x"}},
		"a value": {Groups: 1, Values: []string{"x"}},
	} {
		if _, err := lower(env, p, r); err == nil {
			t.Errorf("%s that the program does not have was lowered", name)
		}
	}
}
