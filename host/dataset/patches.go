package dataset

import (
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// EachPatch calls visit for each patch [N·N] of a result, in order.
func EachPatch(p backend.Patches, pixels int, visit func(i int, patch []complex64) error) error {
	data, err := single(p.Data)
	if err != nil {
		return backend.Errorf(backend.Internal, "reconstruct", "patches: %w", err)
	}
	if pixels == 0 || len(data)%pixels != 0 {
		return backend.Errorf(backend.Internal, "reconstruct", "patches of %v for patterns of %d pixels", p.Data, pixels)
	}
	for i := range len(data) / pixels {
		if err := visit(i, data[i*pixels:(i+1)*pixels]); err != nil {
			return err
		}
	}
	return nil
}

// single returns the patches as complex64. A session in float64 returns complex128.
func single(t tensor.Tensor) ([]complex64, error) {
	double, err := tensor.Data[complex128](t)
	if err != nil {
		return tensor.Data[complex64](t)
	}
	out := make([]complex64, len(double))
	for i, v := range double {
		out[i] = complex64(v)
	}
	return out, nil
}
