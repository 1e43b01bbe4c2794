package arch

import (
	"fmt"
	"reflect"
	"testing"
)

// TestCNN_ParameterCounts checks the parameter counts of the reference's configurations (ptychopinn 6.2,
// TensorFlow column), plus one for the log-scale.
func TestCNN_ParameterCounts(t *testing.T) {
	for _, c := range []struct{ n, scale, gridsize, want int }{
		{64, 1, 1, 585244}, {64, 1, 2, 589360}, {64, 2, 1, 2331772}, {64, 2, 2, 2340208},
		{128, 2, 1, 4661212}, {128, 2, 2, 4667056}, {256, 2, 1, 12912268}, {256, 2, 2, 12916816},
	} {
		t.Run(fmt.Sprintf("N%d scale %d gridsize %d", c.n, c.scale, c.gridsize), func(t *testing.T) {
			p, err := Build(Config{Arch: "cnn", N: c.n, FiltersScale: c.scale, Gridsize: c.gridsize, Canvas: c.n + 16, PadObject: true, ProbeBig: true})
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Parameters(); got != c.want+1 {
				t.Errorf("%d parameters, want %d", got, c.want+1)
			}
		})
	}
}

// Two further planes of each pattern add weights to the first convolution only: 9 for each plane and filter.
func TestCNN_BackProjectionAddsPlanesOnly(t *testing.T) {
	for _, gridsize := range []int{1, 2} {
		c := Config{Arch: "cnn", N: 64, FiltersScale: 1, Gridsize: gridsize, Canvas: 80, PadObject: true, ProbeBig: true, Standardise: true}
		without, err := Build(c)
		if err != nil {
			t.Fatal(err)
		}
		c.BackProject = true
		with, err := Build(c)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := with.Parameters()-without.Parameters(), 2*gridsize*gridsize*9*32; got != want {
			t.Errorf("gridsize %d: %d parameters more, want %d", gridsize, got, want)
		}
	}
}

// A CNN that sees each pattern of a group alone has the parameters of that for one pattern, so that its weights fit both.
func TestCNN_SeparatePatternsHaveParametersOfOne(t *testing.T) {
	for _, c := range []Config{
		{Arch: "cnn", N: 64, FiltersScale: 1, PadObject: true, ProbeBig: true, Standardise: true, BackProject: true},
		{Arch: "cnn", N: 64, FiltersScale: 2},
	} {
		c.Gridsize = 1
		one, err := Build(c)
		if err != nil {
			t.Fatal(err)
		}
		c.Gridsize, c.Separate = 2, true
		if c.NeedsCanvas() || c.SeesGroups() {
			t.Error("a network that sees each pattern alone needs neither a canvas nor the other patterns")
		}
		group, err := Build(c)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(group.Params, one.Params) {
			t.Errorf("%+v: parameters differ from those for one pattern", c)
		}
	}
}

func TestCNN_EverySettingBuilds(t *testing.T) {
	for _, n := range []int{64, 128, 256} {
		for _, activation := range []string{"sigmoid", "swish", "softplus", "relu"} {
			for _, pad := range []bool{true, false} {
				for _, big := range []bool{true, false} {
					c := Config{Arch: "cnn", N: n, Gridsize: 1, FiltersScale: 1, AmpActivation: activation, PadObject: pad, ProbeBig: big}
					if _, err := Build(c); err != nil {
						t.Errorf("%+v: %v", c, err)
					}
				}
			}
		}
	}
}

func TestUNet_ParameterCount(t *testing.T) {
	p, err := Build(Config{N: 64})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Parameters(); got != 487570 {
		t.Errorf("%d parameters, want 487570", got)
	}
}

func TestUNet_EveryStartHasSameParameters(t *testing.T) {
	first, err := Build(Config{N: 64})
	if err != nil {
		t.Fatal(err)
	}
	for _, start := range Starts {
		p, err := Build(Config{N: 64, Start: start})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(p.Params, first.Params) || !reflect.DeepEqual(p.Buffers, first.Buffers) {
			t.Errorf("%s: the parameters or the constants differ", start)
		}
	}
}

func TestBuild_InvalidSettingsAreErrors(t *testing.T) {
	for name, c := range map[string]Config{
		"unknown architecture":      {Arch: "resnet", N: 64},
		"odd size":                  {N: 60},
		"cnn of another size":       {Arch: "cnn", N: 96, Gridsize: 1},
		"cnn without a canvas":      {Arch: "cnn", N: 64, Gridsize: 2},
		"unknown activation":        {Arch: "cnn", N: 64, Gridsize: 1, AmpActivation: "gelu"},
		"unknown loss":              {N: 64, Loss: "l7"},
		"unknown start":             {N: 64, Start: "noise"},
		"start of a second network": {N: 64, Start: ScaledBeam, FirstPass: true},
	} {
		if _, err := Build(c); err == nil {
			t.Errorf("%s: built", name)
		}
	}
}

func TestInitial_DependsOnlyOnSeedAndName(t *testing.T) {
	p, err := Build(Config{N: 64, FiltersScale: 1})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := Initial(p, 7)
	b, _ := Initial(p, 7)
	c, _ := Initial(p, 8)
	const name = "encoder.0.0.weight"
	if string(a[name].Bytes()) != string(b[name].Bytes()) {
		t.Error("the same seed gave other weights")
	}
	if string(a[name].Bytes()) == string(c[name].Bytes()) {
		t.Error("another seed gave the same weights")
	}
}
