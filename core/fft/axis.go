package fft

import "math"

// Float is a floating-point precision.
type Float interface{ float32 | float64 }

// axis transforms lanes of length n: the rows of a block are the elements, and each lane across the rows is one
// sequence.
type axis[T Float] struct {
	n      int
	stages []stage[T]
	order  []int32 // row j of a block starts as element order[j]
	place  []int32 // element i starts in row place[i]
	chirp  *chirp[T]
}

// stage combines radix transforms of length span into one: X[k+span·q] = Σ_j w^(jk)·Y_j[k]·exp(−2πi·jq/radix) with
// w = exp(−2πi/(radix·span)).
type stage[T Float] struct {
	radix, span int
	twiddles    []T // [span][radix−1] pairs (re, im): w^(jk) for 0 < j < radix
}

func newAxis[T Float](n, lanes int, split func(twos int) []int) *axis[T] {
	radices, rest := factor(n, split)
	a := &axis[T]{n: n, order: make([]int32, n), place: make([]int32, n)}
	if rest > 1 {
		for i := range n {
			a.order[i], a.place[i] = int32(i), int32(i)
		}
		a.chirp = newChirp[T](n, lanes, split)
		return a
	}
	span := 1
	for _, r := range radices {
		s := stage[T]{r, span, make([]T, 0, 2*(r-1)*span)}
		for k := range span {
			for j := 1; j < r; j++ {
				re, im := root(j*k, r*span)
				s.twiddles = append(s.twiddles, T(re), T(im))
			}
		}
		a.stages = append(a.stages, s)
		span *= r
	}
	for i := range n {
		row, rest, size := 0, i, n
		for s := len(radices) - 1; s >= 0; s-- {
			size /= radices[s]
			row += rest % radices[s] * size
			rest /= radices[s]
		}
		a.order[row], a.place[i] = int32(i), int32(row)
	}
	return a
}

// root returns exp(−2πi·j/n). The angle is first reduced below π/4, so that symmetric roots agree to the last bit.
func root(j, n int) (re, im float64) {
	j %= n
	switch eighth := 8 * j / n; eighth {
	case 0:
		s, c := math.Sincos(2 * math.Pi * float64(j) / float64(n))
		return c, -s
	case 1, 2:
		s, c := math.Sincos(2 * math.Pi * float64(4*j-n) / float64(4*n))
		return -s, -c
	case 3, 4:
		s, c := math.Sincos(2 * math.Pi * float64(2*j-n) / float64(2*n))
		return -c, s
	case 5, 6:
		s, c := math.Sincos(2 * math.Pi * float64(4*j-3*n) / float64(4*n))
		return s, c
	}
	s, c := math.Sincos(2 * math.Pi * float64(n-j) / float64(n))
	return c, s
}

// factor factorises n into radices, the largest power first because the first stage needs no twiddles. It returns the
// remaining factor, 1 for n = 2^a·3^b·5^c.
func factor(n int, split func(twos int) []int) (radices []int, rest int) {
	twos := 0
	for ; n%2 == 0; n /= 2 {
		twos++
	}
	radices = split(twos)
	for _, r := range []int{5, 3} {
		for ; n%r == 0; n /= r {
			radices = append(radices, r)
		}
	}
	return radices, n
}

// fours splits 2^twos into radices 4, and one 2 if twos is odd.
func fours(twos int) []int {
	var r []int
	for ; twos >= 2; twos -= 2 {
		r = append(r, 4)
	}
	if twos == 1 {
		r = append(r, 2)
	}
	return r
}

// smooth returns the smallest 2^a·3^b·5^c that is at least n.
func smooth(n int) int {
	for ; ; n++ {
		if _, rest := factor(n, fours); rest == 1 {
			return n
		}
	}
}

// spare returns the number of values that transform needs in addition to the block.
func (a *axis[T]) spare(lanes int) int {
	if a.chirp == nil {
		return 0
	}
	return 2 * a.chirp.long.n * 2 * lanes
}

// transform replaces the lanes of x by their transforms, in natural order, unscaled; row j holds element order[j]. A
// row has its real parts from re on and its imaginary parts from im on; if they are exchanged, the transform is the
// inverse.
func (a *axis[T]) transform(k *kernels[T], x []T, re, im int, spare []T) {
	if a.chirp != nil {
		a.chirp.transform(k, x, re, im, spare)
		return
	}
	for i := range a.stages {
		s := &a.stages[i]
		k.combine(x, re, im, s.twiddles, s.radix, s.span, a.n/(s.radix*s.span))
	}
}
