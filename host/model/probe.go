package model

import (
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/core/scan"
)

// Probe is the illumination, scaled for the forward model, in which an object of amplitude 1 gives the mean counts.
type Probe struct {
	Modes  []complex64 // [modes, N, N], scaled: an object of amplitude 1 gives the mean counts
	N      int
	Count  int     // modes
	Factor float64 // factor on the file's probe
}

// NewProbe scales the probe so that an object of amplitude 1 gives the mean counts: by Parseval Σ|P|² is then the mean
// number of photons in a pattern. The scale of the probe in the file is ignored.
func NewProbe(modes []complex64, n int, meanTotal float64) (Probe, error) {
	power := 0.0
	for _, v := range modes {
		power += abs2(complex128(v))
	}
	if !(power > 0) || math.IsInf(power, 0) {
		return Probe{}, fmt.Errorf("the probe is zero or not finite: Σ|P|² = %v", power)
	}
	if !(meanTotal > 0) {
		return Probe{}, fmt.Errorf("the patterns contain no photons")
	}
	factor := math.Sqrt(meanTotal / power)
	p := Probe{Modes: make([]complex64, len(modes)), N: n, Count: len(modes) / (n * n), Factor: factor}
	for i, v := range modes {
		p.Modes[i] = complex64(complex(factor, 0) * complex128(v))
	}
	return p, nil
}

// Mask multiplies the modes [modes, n, n] by a disk around pixel (n/2, n/2) of a diameter in pixels whose edge is
// softened by a Gaussian: Φ((diameter/2 − r)/σ), with Φ the normal distribution's integral. With σ = 0 the edge is sharp; a
// diameter of 0 is n/2.
func Mask(modes []complex64, n int, diameter, sigma float64) []complex64 {
	if diameter == 0 {
		diameter = float64(n) / 2
	}
	out := make([]complex64, len(modes))
	for i, v := range modes {
		y, x := i/n%n-n/2, i%n-n/2
		inside := diameter/2 - math.Hypot(float64(y), float64(x))
		weight := 0.0
		switch {
		case sigma > 0:
			weight = math.Erfc(-inside/(sigma*math.Sqrt2)) / 2
		case inside >= 0:
			weight = 1
		}
		out[i] = v * complex(float32(weight), 0)
	}
	return out
}

// Intensity returns Σ_modes|P|², [N·N].
func (p Probe) Intensity() []float64 {
	out := make([]float64, p.N*p.N)
	for i, v := range p.Modes {
		out[i%len(out)] += abs2(complex128(v))
	}
	return out
}

// flatPattern returns the pattern of an object of amplitude 1: Σ_modes|FFT(P)|² + background [N·N], counts.
func (p Probe) flatPattern(background []float32) []float64 {
	out := make([]float64, p.N*p.N)
	for i := range out {
		out[i] = float64(background[i])
	}
	for m := range p.Count {
		field := make([]complex128, p.N*p.N)
		for i := range field {
			field[i] = complex128(p.Modes[m*len(field)+i])
		}
		physics.NewFourier(p.N, p.N).Forward(field)
		for i, v := range field {
			out[i] += abs2(v)
		}
	}
	return out
}

// FlatDeviance returns the deviance per pixel of an empty object on the patterns.
func FlatDeviance(s *scan.Scan, p Probe, background []float32) float64 {
	lambda := p.flatPattern(background)
	sum := 0.0
	for _, pattern := range s.All() {
		for j, k := range pattern {
			sum += physics.PoissonDeviance(lambda[j], float64(k))
		}
	}
	return sum / float64(s.Len()*len(lambda))
}

// Uniform returns a background that is equal in every pixel [n, n].
func Uniform(n int, counts float64) []float32 {
	out := make([]float32, n*n)
	for i := range out {
		out[i] = float32(counts)
	}
	return out
}

func abs2(z complex128) float64 { return real(z)*real(z) + imag(z)*imag(z) }
