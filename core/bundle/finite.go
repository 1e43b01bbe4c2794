package bundle

import (
	"fmt"

	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/tensor"
)

// NotFinite is the error for a model or a checkpoint that contains NaN or infinity. Such a model is not written, because it
// would replace a usable one.
type NotFinite struct {
	Name  string // of the array
	Index int    // of its first number that is not finite
	Value string
}

func (e *NotFinite) Error() string {
	return fmt.Sprintf("%s is %s at element %d: a state that is not finite is not saved; the last saved state is kept", e.Name, e.Value, e.Index)
}

// checkFinite returns an error for the first array that is not finite.
func checkFinite(arrays []npz.Named) error {
	for _, a := range arrays {
		if i, v, found := firstNotFinite(a.Tensor); found {
			return &NotFinite{a.Name, i, v}
		}
	}
	return nil
}

// firstNotFinite finds the first number of t that is NaN or infinite.
func firstNotFinite(t tensor.Tensor) (index int, value string, found bool) {
	switch t.DType() {
	case tensor.Float32:
		return findNotFinite(t, func(v float32) bool { return v-v != 0 })
	case tensor.Float64:
		return findNotFinite(t, func(v float64) bool { return v-v != 0 })
	case tensor.Complex64:
		return findNotFinite(t, func(v complex64) bool { return real(v)-real(v) != 0 || imag(v)-imag(v) != 0 })
	case tensor.Complex128:
		return findNotFinite(t, func(v complex128) bool { return real(v)-real(v) != 0 || imag(v)-imag(v) != 0 })
	}
	return 0, "", false
}

func findNotFinite[T tensor.Element](t tensor.Tensor, notFinite func(T) bool) (int, string, bool) {
	s, _ := tensor.Data[T](t) // the type matches t
	for i, v := range s {
		if notFinite(v) {
			return i, fmt.Sprint(v), true
		}
	}
	return 0, "", false
}
