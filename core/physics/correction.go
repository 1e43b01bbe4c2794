package physics

import (
	"math"
	"math/cmplx"
)

// Corrector computes what a measured pattern changes in an object M at its place, for incoherent modes P of the probe:
//
//	b = Σ_modes P*·F⁻¹(F·(√(k/λ) − 1)) / (Σ|P|² + ε·max Σ|P|²),  F = FFT(P·M),  λ = Σ_modes|F|² + background
//
// M + b is one step of an iterative engine from M. It serves one goroutine.
type Corrector struct {
	fourier *Fourier
	modes   [][]complex128
	denom   []float64 // Σ|P|² + ε·max Σ|P|²
	fields  [][]complex128
	ratio   []float64
}

// NewCorrector prepares for modes [rows, cols] of a probe, where the number of rows is len(mode)/cols.
func NewCorrector(modes [][]complex128, cols int, epsilon float64) *Corrector {
	size := len(modes[0])
	c := &Corrector{fourier: NewFourier(size/cols, cols), modes: modes, denom: make([]float64, size), ratio: make([]float64, size)}
	top := 0.0
	for _, mode := range modes {
		c.fields = append(c.fields, make([]complex128, size))
		for i, v := range mode {
			c.denom[i] += real(v)*real(v) + imag(v)*imag(v)
		}
	}
	for _, d := range c.denom {
		top = max(top, d)
	}
	for i := range c.denom {
		c.denom[i] += epsilon * top
	}
	return c
}

// Correct computes b [rows, cols] for an object and counts of the same size. The background is above 0, in counts per pixel. Pixels in
// which mask is 0 change nothing; a nil mask has none of them.
func (c *Corrector) Correct(dst, object []complex128, counts []float32, mask []uint8, background float64) {
	for i := range c.ratio {
		c.ratio[i] = background
	}
	for m, mode := range c.modes {
		for i, p := range mode {
			c.fields[m][i] = p * object[i]
		}
		c.fourier.Forward(c.fields[m])
		for i, v := range c.fields[m] {
			c.ratio[i] += real(v)*real(v) + imag(v)*imag(v)
		}
	}
	for i, lambda := range c.ratio {
		c.ratio[i] = math.Sqrt(float64(counts[i])/lambda) - 1
		if mask != nil && mask[i] == 0 {
			c.ratio[i] = 0
		}
	}
	clear(dst)
	for m, mode := range c.modes {
		for i, r := range c.ratio {
			c.fields[m][i] *= complex(r, 0)
		}
		c.fourier.Inverse(c.fields[m])
		for i, v := range c.fields[m] {
			if d := c.denom[i]; d > 0 {
				dst[i] += cmplx.Conj(mode[i]) * v / complex(d, 0)
			}
		}
	}
}
