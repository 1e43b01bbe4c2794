package format

import (
	"fmt"

	"github.com/ptychogo/ptycho/core/npz"
)

// positionsOf returns the array with the positions along an axis: that of the name or, as in files of SLAC, only the nominal ones.
func (z scanFile) positionsOf(key string) string {
	if nominal := key + "_start"; !z.has(key) && z.has(nominal) {
		return nominal
	}
	return key
}

// coordinates reads positions along one axis: [n], or a column [n, 1] or row [1, n].
func (z scanFile) coordinates(d *Description, key string) ([]float64, error) {
	name := z.positionsOf(key)
	if name != key {
		d.Notes = append(d.Notes, fmt.Sprintf("%s is read, because the file has no %s", name, key))
	}
	v, shape, err := z.Float64(name)
	if err != nil {
		return nil, err
	}
	column := len(shape) == 2 && (shape[0] == 1 || shape[1] == 1)
	if len(shape) != 1 && !column || len(v) == 0 {
		return nil, npz.Errorf(z.Path(), "%s has shape %s, want [patterns]", name, dims(shape)).Hint(onePosition)
	}
	return v, nil
}
