// Package tensor defines Tensor: a dtype, a shape and the data, row-major. Host and backend exchange data as tensors.
// The package does no arithmetic.
package tensor

import (
	"fmt"
	"math"
	"slices"
	"unsafe"
)

// DType is an element type. The zero value is invalid. Values are part of the wire format: never renumber them.
type DType uint8

// The element types of the contract. Complex values are pairs of real and imaginary part, in this order.
const (
	Invalid    DType = 0
	Float32    DType = 1
	Float64    DType = 2
	Complex64  DType = 3
	Complex128 DType = 4
	Int32      DType = 5
	Int64      DType = 6
	Uint8      DType = 7
	Uint16     DType = 8
)

// Element lists the Go types of a Tensor's elements.
type Element interface {
	float32 | float64 | complex64 | complex128 | int32 | int64 | uint8 | uint16
}

var dtypes = map[DType]struct {
	name string
	size int
}{
	Float32: {"float32", 4}, Float64: {"float64", 8}, Complex64: {"complex64", 8}, Complex128: {"complex128", 16},
	Int32: {"int32", 4}, Int64: {"int64", 8}, Uint8: {"uint8", 1}, Uint16: {"uint16", 2},
}

// String returns the name of the type, as numpy spells it.
func (d DType) String() string {
	if t, ok := dtypes[d]; ok {
		return t.name
	}
	return fmt.Sprintf("dtype(%d)", uint8(d))
}

// Size returns the number of bytes of one element, 0 for an unknown type.
func (d DType) Size() int { return dtypes[d].size }

// IsComplex reports whether an element is a pair of real and imaginary part.
func (d DType) IsComplex() bool { return d == Complex64 || d == Complex128 }

// Of returns the DType of T.
func Of[T Element]() DType {
	var z T
	switch any(z).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case complex64:
		return Complex64
	case complex128:
		return Complex128
	case int32:
		return Int32
	case int64:
		return Int64
	case uint8:
		return Uint8
	}
	return Uint16
}

// Tensor is an array of one element type, row-major and contiguous. A rank of 0 is a scalar of one element.
// The zero Tensor is empty: it has no type and no data.
type Tensor struct {
	dtype DType
	shape []int
	data  any // []T for the Element type that dtype names
}

// New wraps data without a copy. It fails unless the shape has exactly len(data) elements.
func New[T Element](data []T, shape ...int) (Tensor, error) {
	n, err := Count(shape)
	if err != nil {
		return Tensor{}, err
	}
	if n != len(data) {
		return Tensor{}, fmt.Errorf("tensor: shape %v has %d elements, but %d are given", shape, n, len(data))
	}
	return Tensor{dtype: Of[T](), shape: slices.Clone(shape), data: data}, nil
}

// Must wraps data like New, for shapes that the caller computed from the data: a mismatch is a programming error and
// panics.
func Must[T Element](data []T, shape ...int) Tensor {
	t, err := New(data, shape...)
	if err != nil {
		panic(err)
	}
	return t
}

// Zeros allocates a tensor of zeros.
func Zeros(d DType, shape ...int) (Tensor, error) {
	n, err := Count(shape)
	if err != nil {
		return Tensor{}, err
	}
	if d.Size() == 0 {
		return Tensor{}, fmt.Errorf("tensor: unknown element type %v", d)
	}
	return FromBytes(d, make([]byte, n*d.Size()), shape...)
}

// FromBytes views raw as elements of type d in the machine's byte order. The bytes are shared if they are aligned to
// the element size, else copied.
func FromBytes(d DType, raw []byte, shape ...int) (Tensor, error) {
	n, err := Count(shape)
	if err != nil {
		return Tensor{}, err
	}
	if d.Size() == 0 {
		return Tensor{}, fmt.Errorf("tensor: unknown element type %v", d)
	}
	if len(raw) != n*d.Size() {
		return Tensor{}, fmt.Errorf("tensor: %v %v needs %d bytes, but %d are given", d, shape, n*d.Size(), len(raw))
	}
	t := Tensor{dtype: d, shape: slices.Clone(shape)}
	switch d {
	case Float32:
		t.data = view[float32](raw)
	case Float64:
		t.data = view[float64](raw)
	case Complex64:
		t.data = view[complex64](raw)
	case Complex128:
		t.data = view[complex128](raw)
	case Int32:
		t.data = view[int32](raw)
	case Int64:
		t.data = view[int64](raw)
	case Uint8:
		t.data = view[uint8](raw)
	case Uint16:
		t.data = view[uint16](raw)
	}
	return t, nil
}

func view[T Element](raw []byte) []T {
	var z T
	n := len(raw) / int(unsafe.Sizeof(z))
	if n == 0 {
		return []T{}
	}
	if uintptr(unsafe.Pointer(&raw[0]))%unsafe.Alignof(z) == 0 {
		return unsafe.Slice((*T)(unsafe.Pointer(&raw[0])), n)
	}
	out := make([]T, n)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&out[0])), len(raw)), raw)
	return out
}

// Data returns the elements of t, not a copy. It fails if t has another type.
func Data[T Element](t Tensor) ([]T, error) {
	s, ok := t.data.([]T)
	if !ok {
		return nil, fmt.Errorf("tensor: has type %v, not %v", t.dtype, Of[T]())
	}
	return s, nil
}

// DType returns the element type.
func (t Tensor) DType() DType { return t.dtype }

// Shape returns the shape; the caller must not change it.
func (t Tensor) Shape() []int { return t.shape }

// Len returns the number of elements.
func (t Tensor) Len() int {
	if t.data == nil {
		return 0
	}
	n, _ := Count(t.shape)
	return n
}

// IsZero reports whether t is the empty Tensor.
func (t Tensor) IsZero() bool { return t.data == nil }

// Bytes views the elements as bytes in the machine's order, not a copy.
func (t Tensor) Bytes() []byte {
	switch s := t.data.(type) {
	case []float32:
		return raw(s)
	case []float64:
		return raw(s)
	case []complex64:
		return raw(s)
	case []complex128:
		return raw(s)
	case []int32:
		return raw(s)
	case []int64:
		return raw(s)
	case []uint8:
		return s
	case []uint16:
		return raw(s)
	}
	return nil
}

func raw[T Element](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}

// Clone copies the data.
func (t Tensor) Clone() Tensor {
	if t.data == nil {
		return Tensor{}
	}
	c, err := Zeros(t.dtype, t.shape...)
	if err != nil {
		panic(err) // t was valid, so is its copy
	}
	copy(c.Bytes(), t.Bytes())
	return c
}

// Reshape returns the same elements with another shape.
func (t Tensor) Reshape(shape ...int) (Tensor, error) {
	n, err := Count(shape)
	if err != nil {
		return Tensor{}, err
	}
	if n != t.Len() {
		return Tensor{}, fmt.Errorf("tensor: cannot reshape %v to %v", t.shape, shape)
	}
	t.shape = slices.Clone(shape)
	return t, nil
}

// String describes t without its data.
func (t Tensor) String() string { return fmt.Sprintf("%v%v", t.dtype, t.shape) }

// Count returns the number of elements of a shape. It fails for negative extents and for products above 2^47, which
// exceed every machine and would overflow byte counts.
func Count(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("tensor: negative extent in shape %v", shape)
		}
		if d > 0 && n > math.MaxInt64>>16/d {
			return 0, fmt.Errorf("tensor: shape %v is too large", shape)
		}
		n *= d
	}
	return n, nil
}
