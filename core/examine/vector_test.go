package examine

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestVector_SameInVectorsAndPlainGo: the kernels and plain Go convert, bound and add counts alike, for every length.
func TestVector_SameInVectorsAndPlainGo(t *testing.T) {
	if !vectors() {
		t.Skip("this machine, or PTYCHO_CPU, has plain Go only")
	}
	defer func() { useVectors = vectors() }()
	rng := rand.New(rand.NewPCG(1, 2))
	for n := 1; n < 50; n++ {
		integers := make([]uint16, n)
		for i := range integers {
			integers[i] = uint16(rng.Uint32())
		}
		var counts, least, most [2][]float32
		var sum [2][]float64
		for at, vector := range []bool{true, false} {
			useVectors = vector
			counts[at], sum[at] = make([]float32, n), make([]float64, n)
			widen16(counts[at], integers)
			least[at], most[at] = slices.Clone(counts[at]), slices.Clone(counts[at])
			for frame := range 3 {
				other := slices.Clone(counts[at])
				for i := range other {
					other[i] = counts[at][(i*7+frame)%n] * 0.37
				}
				bound32(other, least[at], most[at])
				add32(other, sum[at])
			}
		}
		for i, k := range integers {
			if counts[0][i] != float32(k) || counts[1][i] != float32(k) {
				t.Fatalf("%d counts: %d is %v and %v", n, k, counts[0][i], counts[1][i])
			}
		}
		if !slices.Equal(least[0], least[1]) || !slices.Equal(most[0], most[1]) || !slices.Equal(sum[0], sum[1]) || slices.Equal(least[0], most[0]) {
			t.Fatalf("%d counts: least %v, %v, largest %v, %v, sums %v, %v", n, least[0], least[1], most[0], most[1], sum[0], sum[1])
		}
	}
}

// TestPlaces_SomeOfMany: of many positions the neighbours of some are known, and they are those among all.
func TestPlaces_SomeOfMany(t *testing.T) {
	const n = mostAround + 500
	rng := rand.New(rand.NewPCG(3, 3))
	rows, cols := make([]float64, n), make([]float64, n)
	for i := range rows {
		rows[i], cols[i] = rng.Float64(), rng.Float64()
	}
	some := placesOf(rows, cols)
	all, nearest := some.with(n), some.tree.Nearest()
	if len(some.of) != mostAround || len(all.of) != n || len(nearest) != n {
		t.Fatalf("neighbours of %d and %d positions, nearest of %d", len(some.of), len(all.of), len(nearest))
	}
	for k, i := range some.of {
		if !slices.Equal(some.near[k], all.near[i]) || nearest[i] != all.near[i][0] {
			t.Fatalf("position %d has the neighbours %v, the nearest %d, want %v", i, some.near[k], nearest[i], all.near[i])
		}
	}
}
