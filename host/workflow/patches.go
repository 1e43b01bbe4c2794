package workflow

import (
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// eachPatch visits the patches [N·N] of a result in order.
func eachPatch(p backend.Patches, pixels int, visit func(i int, patch []complex64) error) error {
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

// single is the patches in the precision of images; a session in float64 gives complex128.
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

// groupsOf packs rows into batches of at most that many groups of c patterns, for passes that look at each pattern
// once. Offsets are relative to each group's mean position; the last group is filled up with its own first row at
// weight 0.
func groupsOf(rows []int, y, x []float64, c, groups int) []backend.Batch {
	var out []backend.Batch
	for from := 0; from < len(rows); from += c * groups {
		part := rows[from:min(from+c*groups, len(rows))]
		var b backend.Batch
		for g := 0; g < len(part); g += c {
			members := part[g:min(g+c, len(part))]
			my, mx := 0.0, 0.0
			for i := range c {
				r := members[min(i, len(members)-1)]
				my += y[r] / float64(c)
				mx += x[r] / float64(c)
			}
			for i := range c {
				r, weight := members[min(i, len(members)-1)], float32(1)
				if i >= len(members) {
					weight = 0
				}
				b.Rows = append(b.Rows, int32(r))
				b.Offsets = append(b.Offsets, float32(y[r]-my), float32(x[r]-mx))
				b.Weights = append(b.Weights, weight)
			}
		}
		out = append(out, b)
	}
	return out
}
