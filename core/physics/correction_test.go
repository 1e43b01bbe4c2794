package physics

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

const correctionSide = 12

// corrected returns a probe of several modes, an object, and the counts that the object gives with the background.
func corrected(seed uint64, modes int, background float64) (probe [][]complex128, object []complex128, counts []float32) {
	const n = correctionSide
	rng := rand.New(rand.NewPCG(seed, 1))
	for range modes {
		probe = append(probe, random(rng, n, n).Data)
	}
	object = random(rng, n, n).Data
	return probe, object, photons(probe, object, background)
}

func photons(probe [][]complex128, object []complex128, background float64) []float32 {
	counts := make([]float32, len(object))
	for i, lambda := range intensity(probe, object, background) {
		counts[i] = float32(lambda)
	}
	return counts
}

func intensity(probe [][]complex128, object []complex128, background float64) []float64 {
	out, field := make([]float64, len(object)), make([]complex128, len(object))
	for _, mode := range probe {
		for i, p := range mode {
			field[i] = p * object[i]
		}
		NewFourier(correctionSide, correctionSide).Forward(field)
		for i, v := range field {
			out[i] += real(v)*real(v) + imag(v)*imag(v)
		}
	}
	for i := range out {
		out[i] += background
	}
	return out
}

func TestCorrector_PatternOfTheObjectChangesNothing(t *testing.T) {
	for _, modes := range []int{1, 3} {
		probe, object, counts := corrected(21, modes, 0.5)
		got := make([]complex128, len(object))
		NewCorrector(probe, correctionSide, 0.02).Correct(got, object, counts, nil, 0.5)
		for i, z := range got {
			if cmplx.Abs(z) > 1e-5 { // the counts are rounded to float32
				t.Fatalf("%d modes, pixel %d changes by %v, want 0", modes, i, z)
			}
		}
	}
}

// The correction of an empty beam is the back-projection less that of the empty beam's own pattern.
func TestCorrector_OfAnEmptyBeamIsTheBackProjection(t *testing.T) {
	const epsilon, background = 0.02, 1e-12
	probe, _, counts := corrected(22, 1, 0)
	empty, got, want := make([]complex128, len(counts)), make([]complex128, len(counts)), make([]complex128, len(counts))
	wide := make([]float64, len(counts))
	for i, k := range counts {
		empty[i], wide[i] = 1, float64(k)
	}
	back := NewBackProjector(probe[0], correctionSide, epsilon)
	back.Project(want, wide)
	NewCorrector(probe, correctionSide, epsilon).Correct(got, empty, counts, nil, background)
	for i, p := range probe[0] {
		if own := back.Filter()[i] * p; cmplx.Abs(got[i]-(want[i]-own)) > 1e-9 {
			t.Fatalf("pixel %d: %v, want %v", i, got[i], want[i]-own)
		}
	}
}

func TestCorrector_BringsTheObjectNearerToThePattern(t *testing.T) {
	const background = 0.01
	for _, modes := range []int{1, 2} {
		probe, object, counts := corrected(23, modes, background)
		start, b := make([]complex128, len(object)), make([]complex128, len(object))
		for i, z := range object {
			start[i] = z + complex(0.3*math.Sin(float64(i)), 0.3*math.Cos(float64(3*i)))
		}
		misfit := func() float64 {
			sum := 0.0
			for i, lambda := range intensity(probe, start, background) {
				d := math.Sqrt(lambda) - math.Sqrt(float64(counts[i]))
				sum += d * d
			}
			return sum
		}
		before := misfit()
		NewCorrector(probe, correctionSide, 0.02).Correct(b, start, counts, nil, background)
		for i := range start {
			start[i] += b[i]
		}
		if after := misfit(); !(after < before/2) {
			t.Errorf("%d modes: the misfit is %.3g after the correction, %.3g before", modes, after, before)
		}
	}
}

func TestCorrector_IgnoresMaskedPixels(t *testing.T) {
	probe, object, counts := corrected(24, 2, 0.01)
	mask := make([]uint8, len(counts))
	for i := range mask {
		mask[i] = 1
	}
	mask[7] = 0
	c, a, b := NewCorrector(probe, correctionSide, 0.02), make([]complex128, len(object)), make([]complex128, len(object))
	object[3] += 0.5
	c.Correct(a, object, counts, mask, 0.01)
	counts[7] = 1e6
	c.Correct(b, object, counts, mask, 0.01)
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("a bad pixel changes pixel %d from %v to %v", i, a[i], b[i])
		}
	}
}
