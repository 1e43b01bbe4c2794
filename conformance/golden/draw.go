package golden

import (
	"hash/fnv"
	"math/rand/v2"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
)

// A draw fills an array with numbers of few digits, all exact in float32.
type draw func(rng *rand.Rand, v *reference.Value)

// stream returns a random stream that depends only on a name.
func stream(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), 0))
}

func each(number func(rng *rand.Rand) float64) draw {
	return func(rng *rand.Rand, v *reference.Value) {
		for i := range v.Real {
			v.Real[i] = number(rng)
		}
		for i := range v.Complex {
			v.Complex[i] = complex(number(rng), number(rng))
		}
	}
}

func oneOf(numbers ...float64) draw {
	return each(func(rng *rand.Rand) float64 { return numbers[rng.IntN(len(numbers))] })
}

var (
	// signed numbers are odd 64ths in ±1: none is 0, where a ReLU has its kink.
	signed   = each(func(rng *rand.Rand) float64 { return float64(2*rng.IntN(64)-63) / 64 })
	positive = each(func(rng *rand.Rand) float64 { return float64(rng.IntN(63)+2) / 32 })    // 1/16 … 2
	expected = each(func(rng *rand.Rand) float64 { return float64(2*rng.IntN(40)+1) / 8 })   // λ: neither an integer nor the square of one
	counts   = each(func(rng *rand.Rand) float64 { return float64(max(0, rng.IntN(13)-2)) }) // photons
	offset   = each(func(rng *rand.Rand) float64 { return float64(rng.IntN(41)-20) / 8 })    // ±2.5 pixels
	weight   = each(func(rng *rand.Rand) float64 { return float64(rng.IntN(25)+8) / 32 })    // 1/4 … 1
	mask     = oneOf(1, 1, 1, 1, 1, 0, 0.5)
)

// distinct returns numbers without ties, where a pool has its kink.
func distinct(rng *rand.Rand, v *reference.Value) {
	for i, k := range rng.Perm(len(v.Real)) {
		v.Real[i] = float64(2*k-len(v.Real)+1) / 64
	}
}

// below returns rows of a table.
func below(rows int) draw {
	return func(rng *rand.Rand, v *reference.Value) {
		for i := range v.Index {
			v.Index[i] = int32(rng.IntN(rows))
		}
	}
}

// exactly returns the given numbers.
func exactly(numbers ...float64) draw {
	return func(_ *rand.Rand, v *reference.Value) { copy(v.Real, numbers) }
}

// zerosThen returns n zeros and then the numbers of d.
func zerosThen(n int, d draw) draw {
	return func(rng *rand.Rand, v *reference.Value) {
		d(rng, v)
		clear(v.Real[:n])
	}
}

func drawn(rng *rand.Rand, k program.Kind, shape []int, d draw) *reference.Value {
	v := reference.NewValue(k, shape)
	d(rng, v)
	return v
}
