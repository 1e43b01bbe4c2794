package bent

import (
	"math"

	"github.com/ptychogo/ptycho/core/tensor"
)

// finite reports whether all numbers of an array are finite.
func finite(t tensor.Tensor) bool {
	n := t.Len()
	if t.DType().IsComplex() {
		n *= 2
	}
	numbers := make([]float64, n)
	if tensor.Flatten(numbers, t) != nil {
		return true // bytes and 64-bit integers
	}
	for _, x := range numbers {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}
