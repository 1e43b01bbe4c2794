package reference_test

import (
	"math"
	"math/cmplx"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
)

// With a standardised input the CNN has the published number of parameters and starts near the empty beam with every activation.
func TestCNN_StandardisedStartsFromEmptyBeam(t *testing.T) {
	for _, activation := range []string{"sigmoid", "swish", "softplus", "relu"} {
		c := arch.Config{Arch: "cnn", N: 64, BaseWidth: 6, FiltersScale: 1, Gridsize: 1, AmpActivation: activation, PadObject: true, ProbeBig: true}
		published, err := arch.Build(c)
		if err != nil {
			t.Fatal(err)
		}
		c.Standardise = true
		p, err := arch.Build(c)
		if err != nil {
			t.Fatal(err)
		}
		if p.Parameters() != published.Parameters() {
			t.Errorf("%d parameters, without it %d", p.Parameters(), published.Parameters())
		}
		given, err := reference.RandomValues(p, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		weights, err := arch.Initial(p, 1)
		if err != nil {
			t.Fatal(err)
		}
		for name, w := range weights {
			if given[name], err = reference.FromTensor(w); err != nil {
				t.Fatal(err)
			}
		}
		m, err := reference.New(p)
		if err != nil {
			t.Fatal(err)
		}
		values, err := m.Forward(1, given)
		if err != nil {
			t.Fatal(err)
		}
		for i, z := range values[program.Patches].Complex {
			if cmplx.Abs(z-1) > 0.5 {
				t.Fatalf("%s: pixel %d of the object starts as %v, want about 1", activation, i, z)
			}
		}
		x, k := values["features"].Real, given[program.Counts].Real
		mean, deviation := given[arch.AmplitudeMean].Real, given[arch.AmplitudeDeviation].Real
		for i := range x {
			if want := (math.Sqrt(k[i]) - mean[i]) / deviation[i]; math.Abs(x[i]-want) > 1e-12 {
				t.Fatalf("pixel %d of the input is %v, want %v", i, x[i], want)
			}
		}
	}
}
