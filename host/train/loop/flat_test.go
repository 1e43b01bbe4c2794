package loop

import (
	"math"
	"math/rand/v2"
	"testing"
)

// patchesOf makes patches of 8×8 pixels from a function of pattern and pixel.
func patchesOf(n int, f func(pattern, pixel int) complex64) (patches [][]complex64, weight []float64) {
	weight = make([]float64, 64)
	for i := range weight {
		weight[i] = 1
	}
	for p := range n {
		patch := make([]complex64, 64)
		for i := range patch {
			patch[i] = f(p, i)
		}
		patches = append(patches, patch)
	}
	return patches, weight
}

func TestLookAt_DistinguishesFlatObjects(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	noise := func() float32 { return float32(0.1 * rng.NormFloat64()) }
	fixed := make([]float32, 64)
	for i := range fixed {
		fixed[i] = noise()
	}
	for _, c := range []struct {
		name           string
		patch          func(pattern, pixel int) complex64
		flat, expected float64 // deviances
		want           bool
	}{
		{"an object that varies", func(int, int) complex64 { return complex(1+noise(), noise()) }, 20, 1, false},
		{"an empty object", func(int, int) complex64 { return 1 }, 20, 1, true},
		{"an empty object with another global phase in every patch", func(p, _ int) complex64 {
			s, c := math.Sincos(float64(p))
			return complex(float32(c), float32(s))
		}, 20, 1, true},
		{"the same structure for every pattern", func(_, i int) complex64 { return complex(1+fixed[i], 0) }, 20, 1, true},
		{"NaN", func(int, int) complex64 { return complex(float32(math.NaN()), 0) }, 20, 1, true},
		{"an empty object that explains the data", func(int, int) complex64 { return 1 }, 1.1, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			patches, weight := patchesOf(8, c.patch)
			look := lookAt(patches, weight, c.flat, c.expected)
			if look.Flat != c.want || look.Flat != (look.Reason != "") {
				t.Errorf("the guard says %+v", look)
			}
		})
	}
}
