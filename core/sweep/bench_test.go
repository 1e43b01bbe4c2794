package sweep

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkPass measures 16 patterns of 128², which stay in the cache.
func BenchmarkPass(b *testing.B) {
	const n, pixels = 16, 128 * 128
	rng := rand.New(rand.NewPCG(1, 1))
	counts := make([]uint16, n*pixels)
	for i := range counts {
		counts[i] = uint16(20 + rng.IntN(20))
	}
	p := Integers(n, pixels, nil)
	b.SetBytes(2 * n * pixels)
	for b.Loop() {
		for j := range n {
			p.Add(j, counts[j*pixels:(j+1)*pixels])
		}
	}
}
