package solve

import (
	"math"
	"math/rand/v2"

	"github.com/ptychogo/ptycho/core/scan"
)

// lookAhead bounds the search for a pattern that does not overlap those of its batch.
const lookAhead = 64

// batches orders the patterns for an iteration: a permutation drawn from seed and iteration, cut into batches. A batch
// takes, of the next patterns, those that are at least apart pixels from all it has; when there is none, the next that
// is farthest. crowd is, for each batch, how many patterns at most share a neighbourhood.
func (v *solver) batches(iteration, size int, apart float64) (order [][]int, crowd []int) {
	// The mixing keeps the streams of neighbouring seeds and iterations apart.
	rng := rand.New(rand.NewPCG(v.o.Seed*0x9e3779b97f4a7c15+uint64(iteration), uint64(iteration)))
	rest := rng.Perm(v.data.Len())
	if v.members != nil {
		rest = rng.Perm(len(v.members))
		for i, m := range rest {
			rest[i] = v.members[m]
		}
	}
	for len(rest) > 0 {
		batch := []int{rest[0]}
		rest = rest[1:]
		for len(batch) < size && len(rest) > 0 {
			best, far := 0, -1.0
			for i, j := range rest[:min(lookAhead, len(rest))] {
				d := v.nearest(j, batch)
				if d > far {
					best, far = i, d
				}
				if d >= apart {
					break
				}
			}
			j := rest[best]
			copy(rest[1:best+1], rest[:best])
			rest = rest[1:]
			batch = append(batch, j)
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

func (v *solver) distance(i, j int) float64 {
	return math.Hypot(v.top[i]-v.top[j], v.left[i]-v.left[j])
}

func (v *solver) nearest(j int, batch []int) float64 {
	d := math.Inf(1)
	for _, i := range batch {
		d = min(d, v.distance(i, j))
	}
	return d
}

// breadth is the probe's diameter.
func (v *solver) breadth() float64 {
	var all []complex64
	for _, mode := range v.probe {
		all = append(all, mode...)
	}
	return scan.ProbeDiameter(all, v.n)
}
