package raster

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Fourier transforms images of one size. It holds work space: one goroutine at a time may use it.
type Fourier struct {
	h, w      int
	rows      *fourier.CmplxFFT // of length w
	cols      *fourier.CmplxFFT // of length h
	column    []complex128      // [h]
	transform []complex128      // [h·w], for AddIntensity
}

// NewFourier prepares transforms of [h, w] images; both sides must be positive.
func NewFourier(h, w int) *Fourier {
	return &Fourier{
		h: h, w: w,
		rows: fourier.NewCmplxFFT(w), cols: fourier.NewCmplxFFT(h),
		column: make([]complex128, h), transform: make([]complex128, h*w),
	}
}

// Forward replaces data [h, w] by its orthonormal transform, Σ a·exp(−2πi(uy/h+vx/w))/√(hw), frequency 0 at (0, 0).
func (f *Fourier) Forward(data []complex128) { f.apply(data, (*fourier.CmplxFFT).Coefficients) }

// Inverse undoes Forward.
func (f *Fourier) Inverse(data []complex128) { f.apply(data, (*fourier.CmplxFFT).Sequence) }

func (f *Fourier) apply(data []complex128, do func(*fourier.CmplxFFT, []complex128, []complex128) []complex128) {
	for y := range f.h {
		row := data[y*f.w : (y+1)*f.w]
		do(f.rows, row, row)
	}
	norm := complex(1/math.Sqrt(float64(f.h)*float64(f.w)), 0)
	for x := range f.w {
		for y := range f.h {
			f.column[y] = data[y*f.w+x]
		}
		do(f.cols, f.column, f.column)
		for y := range f.h {
			data[y*f.w+x] = f.column[y] * norm
		}
	}
}

// AddIntensity adds |FFT(field)|² to dst [h, w], with frequency 0 at (h/2, w/2): the far field of an exit wave. The
// field is not shifted before the transform, and not changed.
func (f *Fourier) AddIntensity(dst []float64, field []complex128) {
	copy(f.transform, field)
	f.Forward(f.transform)
	for y := range f.h {
		row := dst[((y+f.h/2)%f.h)*f.w:][:f.w]
		for x := range f.w {
			v := f.transform[y*f.w+x]
			row[(x+f.w/2)%f.w] += real(v)*real(v) + imag(v)*imag(v)
		}
	}
}
