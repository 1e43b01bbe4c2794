package metrics

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestMisfits_AddUpToR: the misfits of frames, and those of pixels, add up to R, and masked pixels have none. Poisson counts have a ratio
// of 1.
func TestMisfits_AddUpToR(t *testing.T) {
	p, object := exact(t)
	rng := rand.New(rand.NewPCG(3, 4))
	exact, total := p.Counts, 0.0
	noisy := make([][]float64, len(p.Rows))
	for j := range noisy {
		noisy[j] = make([]float64, p.N*p.N)
		if err := exact(j, noisy[j]); err != nil {
			t.Fatal(err)
		}
		for i, l := range noisy[j] {
			k := 0.0
			for e := rng.ExpFloat64(); e < l; e += rng.ExpFloat64() {
				k++
			}
			noisy[j][i] = k
			total += k
		}
	}
	const masked = 3*16 + 4
	for j := range noisy {
		total -= noisy[j][masked]
	}
	p.Counts = func(j int, dst []float64) error { copy(dst, noisy[j]); return nil }
	p.Mask = make([]bool, p.N*p.N)
	for i := range p.Mask {
		p.Mask[i] = i != masked
	}
	fit, err := Residual(t.Context(), object, [2]float64{}, p, FitOptions{Misfits: true})
	if err != nil {
		t.Fatal(err)
	}
	var pixels Misfit
	for _, m := range fit.Misfits.Pixels {
		pixels.Measured += m.Measured
		pixels.Expected += m.Expected
	}
	frames := fit.Misfits.Totals()
	near(t, "R of the frames", Number(frames.Measured/total), float64(fit.R), 1e-9)
	near(t, "R of the pixels", Number(pixels.Measured/total), float64(fit.R), 1e-9)
	near(t, "expected R of the pixels", Number(pixels.Expected/total), float64(fit.ExpectedR), 1e-12)
	if r := frames.Ratio(); math.Abs(r-1) > 0.15 {
		t.Errorf("Poisson counts have a ratio of %v", r)
	}
	if fit.Misfits.Pixels[masked] != (Misfit{}) {
		t.Errorf("the masked pixel has %+v", fit.Misfits.Pixels[masked])
	}
}
