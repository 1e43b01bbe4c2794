package model

import (
	"math"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/tensor"
)

// The constants of a standardised input are mean and deviation of each pixel over the chosen patterns; a pixel that hardly changes has
// the deviation of photon noise.
func TestFeatures_MeanAndDeviationOfEachPixel(t *testing.T) {
	s := &scan.Scan{N: 2, Counts: []float32{0, 9, 4, 16, 36, 9, 4, 0, 1e9, 1e9, 1e9, 1e9}, Rows: make([]float64, 3), Cols: make([]float64, 3)}
	p := &program.Program{Buffers: []program.Buffer{{Name: arch.AmplitudeMean, Shape: []int{2, 2}}, {Name: arch.AmplitudeDeviation, Shape: []int{2, 2}}}}
	got, err := features(p, s, []int{0, 1}, Probe{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]float32{arch.AmplitudeMean: {3, 3, 2, 2}, arch.AmplitudeDeviation: {3, 0.5, 0.5, 2}} {
		values, err := tensor.Data[float32](got[name])
		if err != nil || len(values) != len(want) {
			t.Fatalf("%s: %v, %v", name, got[name], err)
		}
		for i, v := range values {
			if math.Abs(float64(v-want[i])) > 1e-6 {
				t.Errorf("%s: %v, want %v", name, values, want)
			}
		}
	}
}

// The constant of the back-projection is its deviation about an empty beam over the chosen patterns, real and imaginary parts together.
func TestFeatures_DeviationOfTheBackProjection(t *testing.T) {
	const epsilon = 0.05
	s := &scan.Scan{N: 2, Counts: []float32{0, 9, 4, 16, 36, 9, 4, 0, 1e9, 1e9, 1e9, 1e9}, Rows: make([]float64, 3), Cols: make([]float64, 3)}
	p := &program.Program{Buffers: []program.Buffer{{Name: arch.BackProjectionDeviation}}, Ops: []program.Op{{Kind: program.BackProject, Attrs: map[string]float64{"epsilon": epsilon}}}}
	probe := Probe{N: 2, Count: 1, Modes: []complex64{3, 1i, 2 - 1i, 1}}
	got, err := features(p, s, []int{0, 1}, probe)
	if err != nil {
		t.Fatal(err)
	}
	projector, image := physics.NewBackProjector(probe.Each()[0], 2, epsilon), make([]complex128, 4)
	sum, square := 0.0, 0.0
	for j := range 2 {
		counts := make([]float64, 4)
		for i, k := range s.Pattern(j) {
			counts[i] = float64(k)
		}
		projector.Project(image, counts)
		for _, z := range image {
			sum += real(z) - 1 + imag(z)
			square += (real(z)-1)*(real(z)-1) + imag(z)*imag(z)
		}
	}
	v, err := tensor.Data[float32](got[arch.BackProjectionDeviation])
	if want := math.Sqrt(square/16 - sum*sum/256); err != nil || math.Abs(float64(v[0])-want) > 1e-5*want {
		t.Errorf("deviation %v, %v, want %v", v, err, want)
	}
}
