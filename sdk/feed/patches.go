package feed

import (
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// Patches returns the prediction for batch i from the value of the program's patches [B, C, n, n].
func Patches(i int, t tensor.Tensor) (backend.Patches, error) {
	shape := t.Shape()
	h, w := shape[len(shape)-2], shape[len(shape)-1]
	flat, err := t.Reshape(t.Len()/(h*w), h, w)
	return backend.Patches{Batch: i, Data: flat}, err
}
