package model

import (
	"math"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
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
