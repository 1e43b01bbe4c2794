package fft

// chirp transforms sequences of any length n by a convolution. With c[j] = exp(−πi·j²/n) and jk = (j² + k² − (k−j)²)/2,
// X[k] = c[k]·Σ_j (a[j]·c[j])·conj(c[k−j]), and the sum is a cyclic convolution of any length of at least 2n − 1
// (Bluestein 1970).
type chirp[T Float] struct {
	n        int
	long     *axis[T]
	factors  []T // [n] pairs: c
	spectrum []T // [long.n] pairs: the transform of conj(c) over long.n, the scale of the inverse
}

func newChirp[T Float](n, lanes int, split func(twos int) []int) *chirp[T] {
	m := smooth(2*n - 1)
	c := &chirp[T]{n, newAxis[T](m, lanes, split), make([]T, 2*n), make([]T, 2*m)}
	exact := newAxis[float64](m, 1, fours) // the spectrum in float64 for any T
	x := make([]float64, 2*m)
	for j := range n {
		re, im := root(j*j%(2*n), 2*n)
		c.factors[2*j], c.factors[2*j+1] = T(re), T(im)
		for _, at := range []int{j, (m - j) % m} {
			row := exact.place[at]
			x[2*row], x[2*row+1] = re/float64(m), -im/float64(m)
		}
	}
	one := portable[float64](1)
	exact.transform(&one, x, 0, 1, nil)
	for i, v := range x {
		c.spectrum[i] = T(v)
	}
	return c
}

// transform does the work of axis.transform; spare has two blocks of long.n rows.
func (c *chirp[T]) transform(k *kernels[T], x []T, re, im int, spare []T) {
	width := 2 * k.lanes
	y, z := spare[:c.long.n*width], spare[c.long.n*width:][:c.long.n*width]
	for j, row := range c.long.place {
		to := y[int(row)*width:][:width]
		if j >= c.n {
			clear(to)
			continue
		}
		scaleRow(to, x[j*width:][:width], re, im, k.lanes, c.factors[2*j], c.factors[2*j+1])
	}
	c.long.transform(k, y, re, im, nil)
	for j, row := range c.long.place {
		scaleRow(z[int(row)*width:][:width], y[j*width:][:width], re, im, k.lanes, c.spectrum[2*j], c.spectrum[2*j+1])
	}
	c.long.transform(k, z, im, re, nil) // exchanged parts give the inverse
	for j := range c.n {
		scaleRow(x[j*width:][:width], z[j*width:][:width], re, im, k.lanes, c.factors[2*j], c.factors[2*j+1])
	}
}

// scaleRow writes src times wr + i·wi to dst, which may be src.
func scaleRow[T Float](dst, src []T, re, im, lanes int, wr, wi T) {
	dr, di, sr, si := dst[re:][:lanes], dst[im:][:lanes], src[re:][:lanes], src[im:][:lanes]
	for l, a := range sr {
		b := si[l]
		dr[l], di[l] = a*wr-b*wi, a*wi+b*wr
	}
}
