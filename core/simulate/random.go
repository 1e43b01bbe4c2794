package simulate

import (
	"math"
	"math/rand/v2"
)

// Streams separate the random numbers of different purposes.
const (
	objectStream   = 1
	positionStream = 2
	noiseStream    = 3
	exposureStream = 4
	jitterStream   = 5
)

// stream returns the generator of one purpose and index. Seed, purpose and index are mixed first, because neighbouring
// states of a linear generator start alike.
func stream(seed, purpose, index uint64) *rand.Rand {
	a := mix(seed + 0x9e3779b97f4a7c15*purpose)
	return rand.New(rand.NewPCG(a, mix(a^mix(index))))
}

// mix applies the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Poisson draws an exact Poisson count of mean lambda: by inversion below 10, above by transformed rejection with
// squeeze (Hörmann 1993, algorithm PTRS). It is 0 for a mean that is not positive. Counts are whole numbers in a
// float64.
func Poisson(rng *rand.Rand, lambda float64) float64 {
	if !(lambda > 0) {
		return 0
	}
	if lambda < 10 {
		u := rng.Float64()
		p := math.Exp(-lambda)
		k := 0.0
		// The limit of 200 exceeds every count that a float64 in [0, 1) can give; it ends the loop if rounding leaves u
		// above the sum.
		for u >= p && k < 200 {
			u -= p
			k++
			p *= lambda / k
		}
		return k
	}
	root := math.Sqrt(lambda)
	b := 0.931 + 2.53*root
	a := -0.059 + 0.02483*b
	inverse := 1.1239 + 1.1328/(b-3.4)
	vr := 0.9277 - 3.6224/(b-2)
	for {
		u := rng.Float64() - 0.5
		v := 1 - rng.Float64() // in (0, 1]
		us := 0.5 - math.Abs(u)
		k := math.Floor((2*a/us+b)*u + lambda + 0.43)
		if us >= 0.07 && v <= vr {
			return k
		}
		if k < 0 || us < 0.013 && v > us {
			continue
		}
		lg, _ := math.Lgamma(k + 1)
		if math.Log(v*inverse/(a/(us*us)+b)) <= -lambda+k*math.Log(lambda)-lg {
			return k
		}
	}
}
