package fft

import (
	"sync"
	"unsafe"
)

// Work is the scratch memory of a transform. The zero value can be used; it grows to the size that the largest plan
// needs and may serve plans of any size, one transform at a time.
type Work struct {
	single []float32
	double []float64
}

var lent = sync.Pool{New: func() any { return new(Work) }}

// borrow returns w, or a shared one for nil, and the function that returns it.
func borrow(w *Work) (*Work, func()) {
	if w != nil {
		return w, func() {}
	}
	w = lent.Get().(*Work)
	return w, func() { lent.Put(w) }
}

// line is the length of a cache line in bytes, equal to a vector of the widest path.
const line = 64

// memory returns n numbers that start at a cache line. *held grows if necessary. New numbers are zero.
func memory[T Float](held *[]T, n int) []T {
	size := int(unsafe.Sizeof(T(0)))
	if len(*held) < n+line/size {
		*held = make([]T, n+line/size)
	}
	skip := (line - int(uintptr(unsafe.Pointer(&(*held)[0]))%line)) % line / size
	return (*held)[skip:][:n]
}

// pairs views complex numbers as alternating real and imaginary parts.
func pairs[T Float, C complex64 | complex128](x []C) []T {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&x[0])), 2*len(x))
}
