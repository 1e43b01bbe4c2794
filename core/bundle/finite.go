package bundle

import (
	"fmt"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/tensor"
)

// NotFinite is the error of a model or a checkpoint that holds NaN or infinity. It is never written: it would take the place of
// one that can be used.
type NotFinite struct {
	Name  string // of the array
	Index int    // of its first number that is not finite
	Value string
}

func (e *NotFinite) Error() string {
	return fmt.Sprintf("%s is %s at element %d: a state that is not finite is not saved, what was saved before stays", e.Name, e.Value, e.Index)
}

// checkFinite finds the first array that is not finite.
func checkFinite(arrays []format.Named) error {
	for _, a := range arrays {
		if i, v, found := firstOdd(a.Tensor); found {
			return &NotFinite{a.Name, i, v}
		}
	}
	return nil
}

// firstOdd finds the first number of t that is NaN or infinite.
func firstOdd(t tensor.Tensor) (index int, value string, found bool) {
	switch t.DType() {
	case tensor.Float32:
		return oddOf(t, func(v float32) bool { return v-v != 0 })
	case tensor.Float64:
		return oddOf(t, func(v float64) bool { return v-v != 0 })
	case tensor.Complex64:
		return oddOf(t, func(v complex64) bool { return real(v)-real(v) != 0 || imag(v)-imag(v) != 0 })
	case tensor.Complex128:
		return oddOf(t, func(v complex128) bool { return real(v)-real(v) != 0 || imag(v)-imag(v) != 0 })
	}
	return 0, "", false
}

func oddOf[T tensor.Element](t tensor.Tensor, odd func(T) bool) (int, string, bool) {
	s, _ := tensor.Data[T](t) // the type is t's own
	for i, v := range s {
		if odd(v) {
			return i, fmt.Sprint(v), true
		}
	}
	return 0, "", false
}
