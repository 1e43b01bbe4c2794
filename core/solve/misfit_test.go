package solve

import (
	"math"
	"reflect"
	"testing"
)

// TestMisfits_PartsOfR: the misfits add up to R of the same result, and do not depend on the number of threads.
func TestMisfits_PartsOfR(t *testing.T) {
	data, _ := small(t, nil)
	data.Mask = make([]uint8, data.N*data.N)
	for i := range data.Mask {
		data.Mask[i] = 1
	}
	data.Mask[100] = 0
	photons := 0.0
	for j, pattern := range data.All() {
		pattern[100] = 0
		for _, k := range data.Pattern(j) {
			photons += float64(k)
		}
	}
	one, err := Solve(t.Context(), data, Options{Iterations: 3, Threads: 1, Misfits: true, Fit: Fit{Background: true, Intensity: true}})
	if err != nil {
		t.Fatal(err)
	}
	two, err := Solve(t.Context(), data, Options{Iterations: 3, Threads: 3, Misfits: true, Fit: Fit{Background: true, Intensity: true}})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(one.Misfits, two.Misfits) {
		t.Error("three threads give other misfits than one")
	}
	if r := one.Misfits.Totals().Measured / photons; math.Abs(r/one.R-1) > 1e-4 {
		t.Errorf("the misfits add up to R %v, want %v", r, one.R)
	}
	if m := one.Misfits.Pixels[100]; m.Measured != 0 || m.Expected != 0 {
		t.Errorf("the masked pixel has %+v", m)
	}
}
