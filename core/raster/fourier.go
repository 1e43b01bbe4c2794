package raster

import (
	"fmt"

	"github.com/ptychogo/ptycho/core/fft"
)

// Fourier transforms images of one size. It has scratch memory and serves one goroutine at a time.
type Fourier struct {
	h, w      int
	plan      *fft.Plan64
	work      fft.Work
	transform []complex128 // [h·w], for AddIntensity
}

// NewFourier prepares transforms of [h, w] images; both sides must be positive.
func NewFourier(h, w int) *Fourier {
	plan, err := fft.New64(h, w)
	if err != nil {
		panic(fmt.Sprintf("raster: %v", err))
	}
	return &Fourier{h: h, w: w, plan: plan, transform: make([]complex128, h*w)}
}

// Forward replaces data [h, w] by its orthonormal transform, Σ a·exp(−2πi(uy/h+vx/w))/√(hw), frequency 0 at (0, 0).
func (f *Fourier) Forward(data []complex128) { f.plan.Forward(data, data, &f.work) }

// Inverse undoes Forward.
func (f *Fourier) Inverse(data []complex128) { f.plan.Inverse(data, data, &f.work) }

// AddIntensity adds |FFT(field)|² to dst [h, w], with frequency 0 at (h/2, w/2): the far field of an exit wave. The
// field is neither shifted before the transform nor changed.
func (f *Fourier) AddIntensity(dst []float64, field []complex128) {
	f.plan.ForwardCentred(f.transform, field, &f.work)
	for i, v := range f.transform {
		dst[i] += real(v)*real(v) + imag(v)*imag(v)
	}
}
