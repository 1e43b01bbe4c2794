package solve

import (
	"math/rand/v2"

	"github.com/ptychogo/ptycho/core/scan"
)

// lookAhead bounds the search for a pattern that does not overlap its batch.
const lookAhead = 64

// batches orders the patterns for an iteration: a permutation drawn from seed and iteration, divided into batches. A
// batch takes, of the next patterns, those that are at least apart pixels from all it contains; if there are none, the
// farthest of the next. crowd is the largest number of patterns in one neighbourhood, for each batch.
func (v *solver) batches(iteration, size int, apart float64) (order [][]int, crowd []int) {
	// Mixing separates the streams of neighbouring seeds and iterations.
	rng := rand.New(rand.NewPCG(v.o.Seed*0x9e3779b97f4a7c15+uint64(iteration), uint64(iteration)))
	all := v.fitted()
	rest := rng.Perm(len(all))
	for i, m := range rest {
		rest[i] = all[m]
	}
	apart *= apart
	away := make([]float64, v.data.Len()) // squared distance to the nearest of the batch
	for len(rest) > 0 {
		batch := []int{rest[0]}
		rest = rest[1:]
		window := rest[:min(lookAhead, len(rest))]
		for _, j := range window {
			away[j] = v.distance(j, batch[0])
		}
		for len(batch) < size && len(window) > 0 {
			best, far := 0, -1.0
			for i, j := range window {
				if away[j] > far {
					best, far = i, away[j]
				}
				if far >= apart {
					break
				}
			}
			j := window[best]
			copy(window[1:best+1], window[:best])
			window, rest = window[1:], rest[1:]
			batch = append(batch, j)
			for _, i := range window {
				away[i] = min(away[i], v.distance(i, j))
			}
		}
		most := 1
		for _, j := range batch {
			near := 0
			for _, i := range batch {
				if v.distance(i, j) < apart {
					near++
				}
			}
			most = max(most, near)
		}
		order, crowd = append(order, batch), append(crowd, most)
	}
	return order, crowd
}

// distance returns the squared distance.
func (v *solver) distance(i, j int) float64 {
	y, x := v.top[i]-v.top[j], v.left[i]-v.left[j]
	return y*y + x*x
}

// breadth returns the probe's diameter.
func (v *solver) breadth() float64 {
	var all []complex64
	for _, mode := range v.probe {
		all = append(all, mode...)
	}
	return scan.ProbeDiameter(all, v.n)
}
