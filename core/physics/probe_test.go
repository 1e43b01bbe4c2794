package physics

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

func TestMergeWeight_RelativeToPeak(t *testing.T) {
	probe := []complex128{3i, 1, 0, 2, 4, 0, 0, 0} // two modes of four pixels: Σ|P|² is 25, 1, 0, 4
	for i, want := range []float64{1.5, 0.54, 0.5, 0.66} {
		if got := MergeWeight(probe, 4, 0.5)[i]; math.Abs(got-want) > 1e-15 {
			t.Errorf("pixel %d weighs %v, want %v", i, got, want)
		}
	}
	for _, w := range MergeWeight(make([]complex128, 4), 4, 0.5) {
		if w != 0.5 {
			t.Errorf("without a probe the weight is %v, want the floor", w)
		}
	}
}

// A pattern of the empty beam gives an object of 1 inside the probe, for any phase of the probe.
func TestBackProjector_EmptyBeamIsOne(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 1))
	const n = 12
	probe := random(rng, n, n)
	far := append([]complex128(nil), probe.Data...)
	NewFourier(n, n).Forward(far)
	counts := make([]float64, n*n)
	for i, z := range far {
		counts[i] = real(z)*real(z) + imag(z)*imag(z)
	}
	got := make([]complex128, n*n)
	NewBackProjector(probe.Data, n, 0).Project(got, counts)
	for i, z := range got {
		if cmplx.Abs(z-1) > 1e-10 {
			t.Errorf("pixel %d is %v, want 1", i, z)
		}
	}
	const epsilon = 0.02
	NewBackProjector(probe.Data, n, epsilon).Project(got, counts)
	top := 0.0
	for _, z := range probe.Data {
		top = max(top, real(z)*real(z)+imag(z)*imag(z))
	}
	for i, z := range got {
		p2 := real(probe.Data[i])*real(probe.Data[i]) + imag(probe.Data[i])*imag(probe.Data[i])
		if want := complex(p2/(p2+epsilon*top), 0); cmplx.Abs(z-want) > 1e-10 {
			t.Errorf("pixel %d is %v, want |P|²/(|P|²+ε·max|P|²) = %v", i, z, want)
		}
	}
}

// Four times the counts double the amplitude; a scaled probe has the inverse effect.
func TestBackProjector_Scales(t *testing.T) {
	rng := rand.New(rand.NewPCG(14, 1))
	const n = 8
	probe, counts := random(rng, n, n), make([]float64, n*n)
	for i := range counts {
		counts[i] = math.Floor(20 * rng.Float64())
	}
	a, b, c := make([]complex128, n*n), make([]complex128, n*n), make([]complex128, n*n)
	NewBackProjector(probe.Data, n, 0.1).Project(a, counts)
	for i := range counts {
		counts[i] *= 4
	}
	NewBackProjector(probe.Data, n, 0.1).Project(b, counts)
	for i := range probe.Data {
		probe.Data[i] *= 2
	}
	NewBackProjector(probe.Data, n, 0.1).Project(c, counts)
	for i := range a {
		if cmplx.Abs(b[i]-2*a[i]) > 1e-12 || cmplx.Abs(c[i]-a[i]) > 1e-12 {
			t.Fatalf("pixel %d: %v, with four times the counts %v, and with twice the probe %v", i, a[i], b[i], c[i])
		}
	}
}

// Images need not be square.
func TestBackProjector_Rectangle(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 1))
	probe := random(rng, 6, 10)
	far := append([]complex128(nil), probe.Data...)
	NewFourier(6, 10).Forward(far)
	counts := make([]float64, 60)
	for i, z := range far {
		counts[i] = real(z)*real(z) + imag(z)*imag(z)
	}
	got := make([]complex128, 60)
	NewBackProjector(probe.Data, 10, 0).Project(got, counts)
	for i, z := range got {
		if cmplx.Abs(z-1) > 1e-10 {
			t.Errorf("pixel (%d, %d) is %v, want 1", i/10, i%10, z)
		}
	}
}

func TestBackProjector_WithoutProbeIsZero(t *testing.T) {
	got := make([]complex128, 4)
	NewBackProjector(make([]complex128, 4), 2, 0.02).Project(got, []float64{1, 2, 3, 4})
	for _, z := range got {
		if z != 0 {
			t.Errorf("%v, want 0", z)
		}
	}
}
