package physics

import (
	"math"
	"math/cmplx"
)

// MergeWeight returns Σ_modes|P|² over its maximum, plus a floor: the reliability of a patch's pixels. probe is
// [modes·pixels].
func MergeWeight(probe []complex128, pixels int, floor float64) []float64 {
	w, top := make([]float64, pixels), 0.0
	for i, v := range probe {
		w[i%pixels] += real(v)*real(v) + imag(v)*imag(v)
	}
	for _, v := range w {
		top = max(top, v)
	}
	for i := range w {
		if top > 0 {
			w[i] /= top
		}
		w[i] += floor
	}
	return w
}

// BackProjector transforms a diffraction pattern to object space with the phases of the empty beam:
//
//	b = F⁻¹(√k · F0/|F0|) · P* / (|P|² + ε·max|P|²),  F0 = F(P)
//
// P is the first probe mode; F0/|F0| is 1 where F0 is 0. For the empty beam's pattern and ε = 0 it gives 1
// wherever the probe is not zero. It serves one goroutine.
type BackProjector struct {
	fourier *Fourier
	phase   []complex128 // F0/|F0|
	filter  []complex128 // P*/(|P|² + ε·max|P|²)
}

// NewBackProjector prepares for a probe mode [rows, cols], where the number of rows is len(probe)/cols.
func NewBackProjector(probe []complex128, cols int, epsilon float64) *BackProjector {
	b := &BackProjector{NewFourier(len(probe)/cols, cols), append([]complex128(nil), probe...), make([]complex128, len(probe))}
	top := 0.0
	for _, v := range probe {
		top = max(top, real(v)*real(v)+imag(v)*imag(v))
	}
	for i, v := range probe {
		if d := real(v)*real(v) + imag(v)*imag(v) + epsilon*top; d > 0 {
			b.filter[i] = cmplx.Conj(v) / complex(d, 0)
		}
	}
	b.fourier.Forward(b.phase)
	for i, v := range b.phase {
		if a := cmplx.Abs(v); a > 0 {
			b.phase[i] = v / complex(a, 0)
		} else {
			b.phase[i] = 1
		}
	}
	return b
}

// Project computes b [rows, cols] from counts [rows, cols].
func (b *BackProjector) Project(dst []complex128, counts []float64) {
	for i, k := range counts {
		dst[i] = complex(math.Sqrt(k), 0) * b.phase[i]
	}
	b.fourier.Inverse(dst)
	for i := range dst {
		dst[i] *= b.filter[i]
	}
}

// Phase returns F0/|F0|, Filter P*/(|P|²+ε·max|P|²), both [rows, cols], for an engine that computes b.
func (b *BackProjector) Phase() []complex128 { return b.phase }

// Filter returns the factor that divides by the probe.
func (b *BackProjector) Filter() []complex128 { return b.filter }
