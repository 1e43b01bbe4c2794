package tensor

import "fmt"

// Flatten copies the numbers of t into dst: reals and integers one by one, complex numbers as pairs of real and
// imaginary part. dst has as many elements as t has numbers.
func Flatten[T float32 | float64](dst []T, t Tensor) error {
	n := t.Len()
	if t.dtype.IsComplex() {
		n *= 2
	}
	if t.data == nil || len(dst) != n {
		return fmt.Errorf("tensor: %v does not fit %d numbers", t, len(dst))
	}
	switch s := t.data.(type) {
	case []float32:
		cast(dst, s)
	case []float64:
		cast(dst, s)
	case []complex64:
		for i, v := range s {
			dst[2*i], dst[2*i+1] = T(real(v)), T(imag(v))
		}
	case []complex128:
		for i, v := range s {
			dst[2*i], dst[2*i+1] = T(real(v)), T(imag(v))
		}
	case []int32:
		cast(dst, s)
	default:
		return fmt.Errorf("tensor: %v is not a type of a model's numbers", t)
	}
	return nil
}

func cast[T, S float32 | float64 | int32](dst []T, src []S) {
	for i, v := range src {
		dst[i] = T(v)
	}
}

// Unflatten returns a tensor of type d with a copy of the numbers. It inverts Flatten.
func Unflatten[T float32 | float64](d DType, data []T, shape ...int) (Tensor, error) {
	switch d {
	case Float32:
		out := make([]float32, len(data))
		cast(out, data)
		return New(out, shape...)
	case Float64:
		out := make([]float64, len(data))
		cast(out, data)
		return New(out, shape...)
	case Int32:
		out := make([]int32, len(data))
		cast(out, data)
		return New(out, shape...)
	case Complex64:
		out := make([]complex64, len(data)/2)
		for i := range out {
			out[i] = complex(float32(data[2*i]), float32(data[2*i+1]))
		}
		return New(out, shape...)
	case Complex128:
		out := make([]complex128, len(data)/2)
		for i := range out {
			out[i] = complex(float64(data[2*i]), float64(data[2*i+1]))
		}
		return New(out, shape...)
	}
	return Tensor{}, fmt.Errorf("tensor: %v is not a type of a model's numbers", d)
}
