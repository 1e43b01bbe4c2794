package feed

import (
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

type real interface {
	float32 | float64 | int32 | int64 | uint8 | uint16
}

// convert writes the elements of src to dst[from:]. Real values convert to complex, complex values never to real. An
// integer that does not fit into an int32 is an error. The values themselves (NaN, sign) are not checked: the host has
// validated the counts.
func convert(dst tensor.Tensor, from int, src tensor.Tensor) error {
	switch src.DType() {
	case tensor.Float32:
		return fromReal(dst, from, must[float32](src))
	case tensor.Float64:
		return fromReal(dst, from, must[float64](src))
	case tensor.Int32:
		return fromReal(dst, from, must[int32](src))
	case tensor.Int64:
		return fromReal(dst, from, must[int64](src))
	case tensor.Uint8:
		return fromReal(dst, from, must[uint8](src))
	case tensor.Uint16:
		return fromReal(dst, from, must[uint16](src))
	case tensor.Complex64:
		return fromComplex(dst, from, must[complex64](src))
	case tensor.Complex128:
		return fromComplex(dst, from, must[complex128](src))
	}
	return fmt.Errorf("unknown element type %v", src.DType())
}

// must returns the elements of a tensor whose type was already checked.
func must[T tensor.Element](t tensor.Tensor) []T {
	s, err := tensor.Data[T](t)
	if err != nil {
		panic(err)
	}
	return s
}

func fromReal[S real](dst tensor.Tensor, from int, src []S) error {
	switch dst.DType() {
	case tensor.Float32:
		cast(must[float32](dst)[from:], src)
	case tensor.Float64:
		cast(must[float64](dst)[from:], src)
	case tensor.Complex64:
		for i, d := 0, must[complex64](dst)[from:]; i < len(src); i++ {
			d[i] = complex(float32(src[i]), 0)
		}
	case tensor.Complex128:
		for i, d := 0, must[complex128](dst)[from:]; i < len(src); i++ {
			d[i] = complex(float64(src[i]), 0)
		}
	case tensor.Int32:
		for _, v := range src {
			if f := float64(v); f < math.MinInt32 || f > math.MaxInt32 || f != math.Trunc(f) {
				return backend.Errorf(backend.Invalid, "gather", "index %v is not an int32", v)
			}
		}
		cast(must[int32](dst)[from:], src)
	default:
		return fmt.Errorf("cannot fill %v from %T", dst, src)
	}
	return nil
}

func cast[D, S real](dst []D, src []S) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = D(v)
	}
}

func fromComplex[S complex64 | complex128](dst tensor.Tensor, from int, src []S) error {
	switch dst.DType() {
	case tensor.Complex64:
		for i, d := 0, must[complex64](dst)[from:]; i < len(src); i++ {
			d[i] = complex64(src[i])
		}
	case tensor.Complex128:
		for i, d := 0, must[complex128](dst)[from:]; i < len(src); i++ {
			d[i] = complex128(src[i])
		}
	default:
		return fmt.Errorf("cannot fill %v from complex values", dst)
	}
	return nil
}
