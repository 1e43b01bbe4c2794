package examine

import (
	"cmp"
	"slices"
)

// ascending sorts pixels by a value of each, equal ones by their index.
func ascending(pixels []int, value func(i int) float64) {
	type pixel struct {
		value float64
		i     int
	}
	all := make([]pixel, len(pixels))
	for k, i := range pixels {
		all[k] = pixel{value(i), i}
	}
	slices.SortFunc(all, func(a, b pixel) int {
		switch {
		case a.value < b.value:
			return -1
		case a.value > b.value:
			return 1
		}
		return cmp.Compare(a.i, b.i)
	})
	for k, one := range all {
		pixels[k] = one.i
	}
}
