package format

import (
	"context"

	"github.com/ptychogo/ptycho/core/npz"
)

// keyLabels are the names of object patches in scan files, in order of preference, from the reference's formats.
var keyLabels = []string{"label", "Y", "ground_truth_patches"}

// ReadLabels reads the object patches [len(index), n, n] of the patterns with these numbers from a scan file. ok is
// false if the file has none.
func ReadLabels(ctx context.Context, path string, n int, index []int) (labels []complex64, ok bool, err error) {
	z, err := openFile(path)
	if err != nil {
		return nil, false, err
	}
	defer z.Close()
	for _, key := range keyLabels {
		if !z.has(key) {
			continue
		}
		all, shape, err := npz.Values(z.Archive, key, func(a *npz.Reader) ([]complex64, error) { return a.Until(ctx).Complex64s() })
		if err != nil {
			return nil, false, err
		}
		if len(shape) == 4 && shape[3] == 1 {
			shape = shape[:3]
		}
		if len(shape) != 3 || shape[1] != n || shape[2] != n {
			return nil, false, npz.Errorf(path, "%s has shape %s, want a patch of %d×%d pixels for each pattern", key, dims(shape), n, n)
		}
		labels = make([]complex64, 0, len(index)*n*n)
		for _, i := range index {
			if i < 0 || i >= shape[0] {
				return nil, false, npz.Errorf(path, "%s has %d patches, none for pattern %d", key, shape[0], i)
			}
			labels = append(labels, all[i*n*n:][:n*n]...)
		}
		return labels, true, nil
	}
	return nil, false, nil
}
