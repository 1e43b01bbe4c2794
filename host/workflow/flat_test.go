package workflow

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

func TestTheGuardTellsFlatObjectsFromReal(t *testing.T) {
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

func TestGroupsFillUpWithoutCountingTwice(t *testing.T) {
	y, x := []float64{0, 1, 2, 3, 4}, []float64{0, 2, 4, 6, 8}
	batches := groupsOf([]int{0, 1, 2, 3, 4}, y, x, 2, 2)
	if len(batches) != 2 {
		t.Fatalf("%d batches, want 2", len(batches))
	}
	total := float32(0)
	for _, b := range batches {
		if len(b.Rows)%2 != 0 || len(b.Offsets) != 2*len(b.Rows) || len(b.Weights) != len(b.Rows) {
			t.Fatalf("a batch of %d rows, %d offsets, %d weights", len(b.Rows), len(b.Offsets), len(b.Weights))
		}
		for i := 0; i < len(b.Offsets); i += 4 {
			for k := range 2 {
				if s := b.Offsets[i+k] + b.Offsets[i+2+k]; s != 0 {
					t.Errorf("the offsets of a group add up to %v", s)
				}
			}
		}
		for _, w := range b.Weights {
			total += w
		}
	}
	if total != 5 {
		t.Errorf("%v patterns count, want 5", total)
	}
}

func TestTheProbeIsScaledToTheMeanCounts(t *testing.T) {
	modes := make([]complex64, 2*16)
	for i := range modes {
		modes[i] = complex(float32(i), 1)
	}
	p, err := gaugeProbe(modes, 4, 1000)
	if err != nil {
		t.Fatal(err)
	}
	power, pattern := 0.0, 0.0
	for _, v := range p.intensity() {
		power += v
	}
	for _, v := range p.flatPattern(uniform(p.N, 0.5)) {
		pattern += v
	}
	if math.Abs(power-1000) > 1e-3 || math.Abs(pattern-1000-16*0.5) > 1e-3 {
		t.Errorf("Σ|P|² = %v and the empty object gives %v counts, want 1000 and 1008", power, pattern)
	}
	if _, err := gaugeProbe(make([]complex64, 16), 4, 1000); err == nil {
		t.Error("a probe of zeros was accepted")
	}
	if _, err := gaugeProbe(modes, 4, 0); err == nil {
		t.Error("patterns without photons were accepted")
	}
}
