package scan

import (
	"math/bits"
	"math/rand/v2"
)

// stream is a sequence of random numbers derived from a seed and the names of its purpose. Draws are part of a run's
// identity: the same seed must give the same groups in every version. Therefore only the generator (PCG, with a fixed
// output) comes from the library.
type stream struct{ pcg *rand.PCG }

// Purposes of streams: two purposes with the same seed never share numbers.
const (
	forDraw       = 1
	forValidation = 2
	forLeaders    = 3
	forPartners   = 4
)

// newStream mixes seed and names into the generator's 128 bits.
func newStream(seed int64, names ...uint64) stream {
	a := mix(uint64(seed))
	b := mix(^uint64(seed))
	for _, v := range names {
		a = mix(a ^ mix(v))
		b = mix(b + v)
	}
	return stream{rand.NewPCG(a, b)}
}

// mix applies the output function of SplitMix64 (Steele, Lea, Flood 2014), a bijection that scatters neighbouring
// values.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a uniform number in 0…n−1, without bias (Lemire 2019).
func (s stream) below(n int) int {
	bound := uint64(n)
	high, low := bits.Mul64(s.pcg.Uint64(), bound)
	for low < bound {
		if low >= -bound%bound {
			break
		}
		high, low = bits.Mul64(s.pcg.Uint64(), bound)
	}
	return int(high)
}

// draw moves n elements of from, drawn without replacement, to its front (the first n steps of Fisher and Yates).
func draw[T any](s stream, from []T, n int) {
	for i := range n {
		j := i + s.below(len(from)-i)
		from[i], from[j] = from[j], from[i]
	}
}
