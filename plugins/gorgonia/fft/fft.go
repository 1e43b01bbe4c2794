// Package fft provides the two-dimensional Fourier transform of the engine: orthonormal, zero frequency at [rows/2, cols/2]
// of the result, on interleaved complex numbers (re, im, re, im, …) in float32 or float64. It uses core/fft.
package fft

import (
	"unsafe"

	"github.com/ptychogo/ptycho/core/cpu"
	"github.com/ptychogo/ptycho/core/fft"
	"github.com/ptychogo/ptycho/plugins/gorgonia/pool"
)

// Plan transforms images [rows, cols]. It is immutable and may be shared.
type Plan[T pool.Float] struct {
	size   int // numbers of an image
	single *fft.Plan
	double *fft.Plan64
}

// New prepares transforms of images [rows, cols]; float32 uses the instructions of path.
func New[T pool.Float](rows, cols int, path cpu.Path) (*Plan[T], error) {
	p := &Plan[T]{size: 2 * rows * cols}
	var err error
	if unsafe.Sizeof(T(0)) == 4 {
		p.single, err = fft.NewPath(rows, cols, path)
	} else {
		p.double, err = fft.New64(rows, cols)
	}
	return p, err
}

// Forward writes the transform of src to dst, both [2·rows·cols]; they may be the same.
func (p *Plan[T]) Forward(dst, src []T) {
	dst, src = dst[:p.size], src[:p.size]
	if p.single != nil {
		p.single.ForwardCentred(view[complex64](dst), view[complex64](src), nil)
		return
	}
	p.double.ForwardCentred(view[complex128](dst), view[complex128](src), nil)
}

// Inverse reverts Forward and is its adjoint.
func (p *Plan[T]) Inverse(dst, src []T) {
	dst, src = dst[:p.size], src[:p.size]
	if p.single != nil {
		p.single.InverseCentred(view[complex64](dst), view[complex64](src), nil)
		return
	}
	p.double.InverseCentred(view[complex128](dst), view[complex128](src), nil)
}

// view returns x as complex numbers; the precision of C must match T.
func view[C complex64 | complex128, T pool.Float](x []T) []C {
	return unsafe.Slice((*C)(unsafe.Pointer(unsafe.SliceData(x))), len(x)/2)
}
