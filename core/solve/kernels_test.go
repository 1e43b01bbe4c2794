package solve

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestKernels_AgreeWithPlainLoops compares the vector kernels with the plain loops, for lengths with and without a
// remainder.
//
// Long: one table, a plain loop for each kernel.
func TestKernels_AgreeWithPlainLoops(t *testing.T) {
	if !vectors() {
		t.Skip("this machine has no AVX2: only the plain loops run")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 7, 8, 24, 61, 128} {
		complexes := func() []complex64 {
			x := make([]complex64, n+1)
			for i := range x {
				x[i] = complex(float32(rng.NormFloat64()), float32(rng.NormFloat64()))
			}
			return x
		}
		a, b, c := complexes(), complexes(), complexes()
		lambda, k := make([]float32, n), make([]float32, n)
		for i := range lambda {
			lambda[i], k[i] = float32(math.Exp(3*rng.NormFloat64())), float32(math.Floor(math.Exp(3*rng.NormFloat64())))
		}
		k[0], lambda[n-1] = 0, 0
		w := [4]float32{0.1, 0.2, 0.3, 0.4}
		each := map[string]func() (any, float64){
			"multiply": func() (any, float64) { d := make([]complex64, n); multiply(d, a, b); return d, 0 },
			"conj":     func() (any, float64) { d := make([]complex64, n); multiplyConj(d, a, b); return d, 0 },
			"add conj": func() (any, float64) { d := clone(c[:n]); addMultiplyConj(d, a, b); return d, 0 },
			"gather":   func() (any, float64) { d := make([]complex64, n); gather(d, a, b, &w); return d, 0 },
			"add gather": func() (any, float64) {
				d := clone(c[:n])
				addGather(d, a, b, &w)
				return d, 0
			},
			"intensity": func() (any, float64) { d := clone(lambda); addIntensity(d, a[:n], 0.5); return d, 0 },
			"largest":   func() (any, float64) { return nil, float64(maxIntensity(a[:n])) },
			"amplitude": func() (any, float64) {
				g := make([]float32, n)
				m, s := amplitudeFactor(g, lambda, k)
				return g[:n-1], m + 3*s
			},
			"poisson": func() (any, float64) {
				g := make([]float32, n)
				m, s := poissonFactor(g, lambda, k)
				return g[:n-1], m + 3*s
			},
			"deviance": func() (any, float64) { return nil, halfDeviance(lambda[:n-1], k[:n-1]) },
		}
		for name, f := range each {
			got, gs := f()
			useVectors = false
			want, ws := f()
			useVectors = true
			if math.Abs(gs-ws) > 2e-5*(1+math.Abs(ws)) {
				t.Errorf("%s of %d values: sum %v, the plain loop %v", name, n, gs, ws)
			}
			switch want := want.(type) {
			case []complex64:
				for i, x := range want {
					if d := got.([]complex64)[i] - x; math.Sqrt(float64(abs2(d))) > 1e-5*(1+math.Sqrt(float64(abs2(x)))) {
						t.Fatalf("%s of %d values: %v at %d, the plain loop %v", name, n, got.([]complex64)[i], i, x)
					}
				}
			case []float32:
				for i, x := range want {
					if d := got.([]float32)[i] - x; math.Abs(float64(d)) > 1e-5*(1+math.Abs(float64(x))) {
						t.Fatalf("%s of %d values: %v at %d, the plain loop %v", name, n, got.([]float32)[i], i, x)
					}
				}
			}
		}
	}
}
