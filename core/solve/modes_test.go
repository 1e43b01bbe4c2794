package solve

import (
	"context"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
)

// twoModes returns a scan with a second mode, orthogonal to the first, of the given share of the power.
func twoModes(t *testing.T, share float64) (*scan.Scan, [][]complex128) {
	t.Helper()
	s, err := simulate.New(context.Background(), simulate.Options{Object: simulate.Blocks, Probe: simulate.Aberrated, N: 48, Height: 128, Patterns: 150, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	n := s.N
	second := make([]complex128, n*n)
	var inner, norm complex128
	for i, p := range s.Probe {
		second[i] = p * complex(float64(i/n-n/2)/6, float64(i%n-n/2)/12)
		inner += cmplx.Conj(p) * second[i]
		norm += cmplx.Conj(p) * p
	}
	power := 0.0
	for i, p := range s.Probe {
		second[i] -= inner / norm * p
		power += real(second[i])*real(second[i]) + imag(second[i])*imag(second[i])
	}
	first := append([]complex128(nil), s.Probe...)
	for i := range second {
		second[i] *= complex(math.Sqrt(share*real(norm)/power), 0)
		first[i] *= complex(math.Sqrt(1-share), 0)
	}
	rng := rand.New(rand.NewPCG(8, 8))
	f := raster.NewFourier(n, n)
	wave := make([]complex128, n*n)
	for j := range s.Rows {
		patch, lambda := raster.Extract(s.Object, s.Rows[j], s.Cols[j], n), make([]float64, n*n)
		for _, mode := range [][]complex128{first, second} {
			for i, p := range mode {
				wave[i] = p * patch[i]
			}
			f.AddIntensity(lambda, wave)
		}
		for i, l := range lambda {
			s.Counts[j*n*n+i] = float32(simulate.Poisson(rng, l))
		}
	}
	return asScan(s), [][]complex128{first, second}
}

func TestSolve_FindsTwoModes(t *testing.T) {
	long(t)
	const share = 0.2
	s, modes := twoModes(t, share)
	one, err := Solve(context.Background(), s, Options{Iterations: 40, Fit: Fit{Probe: true}})
	if err != nil {
		t.Fatal(err)
	}
	two, err := Solve(context.Background(), s, Options{Engine: LSQML, Iterations: 80, Fit: Fit{Probe: true}, Modes: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("one mode: R %.5f; two: R %.5f, shares %.3f", one.R, two.R, two.ModeShares)
	if two.R > one.R/2 {
		t.Errorf("R %v with two modes, %v with one", two.R, one.R)
	}
	if math.Abs(two.ModeShares[1]-share) > 0.05 {
		t.Errorf("the second mode holds %v of the power, want %v", two.ModeShares[1], share)
	}
	for m, truth := range modes {
		found := two.Probe[m*s.N*s.N : (m+1)*s.N*s.N]
		var both complex128
		var a, b float64
		for i, p := range truth {
			q := complex128(found[i])
			both += cmplx.Conj(p) * q
			a += real(p)*real(p) + imag(p)*imag(p)
			b += real(q)*real(q) + imag(q)*imag(q)
		}
		c := cmplx.Abs(both) / math.Sqrt(a*b)
		t.Logf("mode %d correlates with the truth by %.3f", m, c)
		if c < 0.95 {
			t.Errorf("mode %d correlates with the truth by %v only", m, c)
		}
	}
}
