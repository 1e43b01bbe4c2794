package physics

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Fourier is the two-dimensional Fourier transform of images [rows, cols]: orthonormal, with the zero frequency at
// [rows/2, cols/2] of the result. The image is not shifted, as a patch of the object is not. It has scratch memory and
// serves one goroutine.
type Fourier struct {
	rows, cols  int
	along, down *fourier.CmplxFFT
	column      []complex128
	shifted     []complex128
}

// NewFourier prepares transforms of images [rows, cols].
func NewFourier(rows, cols int) *Fourier {
	return &Fourier{rows, cols, fourier.NewCmplxFFT(cols), fourier.NewCmplxFFT(rows), make([]complex128, rows), make([]complex128, rows*cols)}
}

// Forward transforms x [rows·cols] in place: object plane to detector.
func (f *Fourier) Forward(x []complex128) {
	for r := range f.rows {
		f.along.Coefficients(x[r*f.cols:(r+1)*f.cols], x[r*f.cols:(r+1)*f.cols])
	}
	f.columns(x, f.down.Coefficients)
	for r := range f.rows {
		for c := range f.cols {
			f.shifted[(r+f.rows/2)%f.rows*f.cols+(c+f.cols/2)%f.cols] = x[r*f.cols+c]
		}
	}
	copy(x, f.shifted)
}

// Inverse inverts Forward in place. It is also its adjoint.
func (f *Fourier) Inverse(x []complex128) {
	for r := range f.rows {
		for c := range f.cols {
			f.shifted[r*f.cols+c] = x[(r+f.rows/2)%f.rows*f.cols+(c+f.cols/2)%f.cols]
		}
	}
	copy(x, f.shifted)
	for r := range f.rows {
		f.along.Sequence(x[r*f.cols:(r+1)*f.cols], x[r*f.cols:(r+1)*f.cols])
	}
	f.columns(x, f.down.Sequence)
}

// columns transforms the columns and scales by 1/sqrt(rows·cols).
func (f *Fourier) columns(x []complex128, transform func(dst, src []complex128) []complex128) {
	scale := complex(1/math.Sqrt(float64(f.rows*f.cols)), 0)
	for c := range f.cols {
		for r := range f.rows {
			f.column[r] = x[r*f.cols+c]
		}
		transform(f.column, f.column)
		for r := range f.rows {
			x[r*f.cols+c] = scale * f.column[r]
		}
	}
}
