package kernel

import (
	"unsafe"

	"github.com/ptychogo/ptycho/core/fft"
	"github.com/ptychogo/ptycho/internal/machine"
)

// transform is the two-dimensional Fourier transform of images [rows, cols]: orthonormal, zero frequency at [rows/2, cols/2]
// of the result, on interleaved complex numbers (re, im, re, im, …). It is immutable and may be shared.
type transform[T Float] struct {
	size   int // numbers of an image
	single *fft.Plan
	double *fft.Plan64
}

// newTransform prepares transforms of images [rows, cols]; float32 uses the instructions of path.
func newTransform[T Float](rows, cols int, path machine.Instructions) (*transform[T], error) {
	p := &transform[T]{size: 2 * rows * cols}
	var err error
	if unsafe.Sizeof(T(0)) == 4 {
		p.single, err = fft.NewPath(rows, cols, path)
	} else {
		p.double, err = fft.New64(rows, cols)
	}
	return p, err
}

// forward writes the transform of src to dst, both [2·rows·cols]; they may be the same.
func (p *transform[T]) forward(dst, src []T) {
	dst, src = dst[:p.size], src[:p.size]
	if p.single != nil {
		p.single.ForwardCentred(pairs[complex64](dst), pairs[complex64](src), nil)
		return
	}
	p.double.ForwardCentred(pairs[complex128](dst), pairs[complex128](src), nil)
}

// inverse reverts forward and is its adjoint.
func (p *transform[T]) inverse(dst, src []T) {
	dst, src = dst[:p.size], src[:p.size]
	if p.single != nil {
		p.single.InverseCentred(pairs[complex64](dst), pairs[complex64](src), nil)
		return
	}
	p.double.InverseCentred(pairs[complex128](dst), pairs[complex128](src), nil)
}

// pairs returns x as complex numbers; the precision of C must match T.
func pairs[C complex64 | complex128, T Float](x []T) []C {
	return unsafe.Slice((*C)(unsafe.Pointer(unsafe.SliceData(x))), len(x)/2)
}
