package dataset

import (
	"math"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// The logarithms of the factors are bound for each pattern; a scan without factors has those of 1.
func TestAddExposure_LogarithmsOfFactors(t *testing.T) {
	for _, factor := range [][]float64{{math.E, 1, 1 / math.E}, nil} {
		d := backend.Dataset{Patterns: 3}
		AddExposure(&d, factor)
		got, err := tensor.Data[float32](d.Arrays[0].Value)
		if err != nil || len(got) != 3 || d.Arrays[0].Input != arch.LogExposure || d.Arrays[0].Gather != backend.PerPattern {
			t.Fatalf("%+v, %v", d, err)
		}
		for j, l := range got {
			if want := float32(1 - j); factor != nil && l != want || factor == nil && l != 0 {
				t.Errorf("factors %v: logarithms %v", factor, got)
			}
		}
	}
}
