package examine

import "math"

// unrelated is the share of the scan's time that the median pair of neighbours is apart if the order does not follow the positions: 0.29 for
// a random order. On a raster or a spiral it is less, 1/8 for eight rows of eight frames, and the object's own gradient looks like a drift.
const unrelated = 1. / 4

// drift returns the relative change of the counts from the first to the last frame, and its value in standard errors. It compares frames
// with their four nearest neighbours, and with all of them at the same position: the mean of (t₁ − t₂)·(2√k₁ − 2√k₂) is 0 if the exposure does not depend on time. Each pair counts once.
func drift(e *exposures) (change, errors float64) {
	order, root := e.order, e.root
	var products, square, apart []float64
	mean, n := 0.0, float64(max(len(order)-1, 1))
	parts := make([][2][]float64, blocks) // interleaved, so that each has pairs from the whole scan
	for _, v := range root {
		mean += v / float64(len(order))
	}
	is := make([]bool, len(order))
	for _, j := range e.near.of {
		is[j] = true
	}
	for k, j := range e.near.of {
		others := e.near.near[k]
		m := min(nearest, len(others))
		for m < len(others) && math.Hypot(e.rows[others[m]]-e.rows[j], e.cols[others[m]]-e.cols[j]) == 0 {
			m++ // those of one position are in the order of time
		}
		for _, o := range others[:m] {
			if int(o) <= j && is[o] {
				continue
			}
			dt := float64(int(o)-j) / n
			part := &parts[j%blocks]
			part[0], part[1] = append(part[0], dt*(root[o]-root[j])), append(part[1], dt*dt)
			apart = append(apart, math.Abs(dt))
		}
	}
	for _, part := range parts {
		products, square = append(products, part[0]...), append(square, part[1]...)
	}
	if len(apart) < 2*blocks || median(apart) < unrelated || mean <= 0 {
		return 0, 0
	}
	var sum, weight float64
	for k := range products {
		sum, weight = sum+products[k], weight+square[k]
	}
	// 2√k changes by half the relative change of k.
	change = 2 * sum / weight / mean
	if math.IsNaN(change) {
		return 0, 0
	}
	return change, meanOverError(products)
}
