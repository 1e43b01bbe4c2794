// Package fft is the two-dimensional Fourier transform of the engine: orthonormal, zero frequency at [rows/2, cols/2] of
// the result, on interleaved complex numbers (re, im, re, im, …) in float32 or float64. Sides that are powers of two run
// by a Stockham transform over whole rows; other sizes go through core/physics in float64.
package fft

import (
	"math"

	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/plugins/gorgonia/pool"
)

// Plan transforms images [rows, cols]. It is immutable and may be shared.
type Plan[T pool.Float] struct {
	rows, cols int
	down       []complex128 // e^{−2πi·j/rows}
	along      []complex128 // e^{−2πi·j/cols}
	power      bool
}

// New prepares transforms of images [rows, cols].
func New[T pool.Float](rows, cols int) *Plan[T] {
	return &Plan[T]{rows, cols, roots(rows), roots(cols), rows&(rows-1) == 0 && cols&(cols-1) == 0}
}

func roots(n int) []complex128 {
	w := make([]complex128, n)
	for j := range w {
		s, c := math.Sincos(-2 * math.Pi * float64(j) / float64(n))
		w[j] = complex(c, s)
	}
	return w
}

// Forward puts the transform of src into dst, both [2·rows·cols]; they may not overlap. scratch is as long.
func (p *Plan[T]) Forward(dst, src, scratch []T) { p.transform(dst, src, scratch, false) }

// Inverse undoes Forward and is its adjoint.
func (p *Plan[T]) Inverse(dst, src, scratch []T) { p.transform(dst, src, scratch, true) }

func (p *Plan[T]) transform(dst, src, scratch []T, inverse bool) {
	if !p.power {
		p.slow(dst, src, inverse)
		return
	}
	r, c := p.rows, p.cols
	scale := T(1 / math.Sqrt(float64(r*c)))
	if inverse { // the spectrum comes centred
		shift(dst, src, r, c, scale)
	} else {
		for i, v := range src[:2*r*c] {
			dst[i] = v * scale
		}
	}
	a, b := stockham(dst, scratch, p.down, r, c, inverse)
	transpose(b, a, r, c)
	a, b = stockham(b, a, p.along, c, r, inverse)
	if inverse {
		transpose(b, a, c, r)
	} else {
		transposeShifted(b, a, c, r)
	}
	if &b[0] != &dst[0] {
		copy(dst, b)
	}
}

// stockham transforms the columns of x [n, lanes]; every butterfly acts on whole rows. It gives the buffer that holds the
// result and the other one. Formula: decimation in frequency, autosorted (Stockham 1966).
func stockham[T pool.Float](x, y []T, w []complex128, n, lanes int, inverse bool) (result, other []T) {
	x, y = x[:2*n*lanes], y[:2*n*lanes]
	for l, m := n/2, 1; l >= 1; l, m = l/2, m*2 {
		run := 2 * m * lanes
		for j := range l {
			root := w[j*m]
			wr, wi := T(real(root)), T(imag(root))
			if inverse {
				wi = -wi
			}
			butterfly(y[2*j*run:][:run], y[(2*j+1)*run:][:run], x[j*run:][:run], x[(j+l)*run:][:run], wr, wi)
		}
		x, y = y, x
	}
	return x, y
}

// butterfly: y0 = a + b, y1 = w·(a − b).
func butterfly[T pool.Float](y0, y1, a, b []T, wr, wi T) {
	y0, y1, b = y0[:len(a)], y1[:len(a)], b[:len(a)]
	for i := 0; i+1 < len(a); i += 2 {
		ar, ai, br, bi := a[i], a[i+1], b[i], b[i+1]
		y0[i], y0[i+1] = ar+br, ai+bi
		dr, di := ar-br, ai-bi
		y1[i], y1[i+1] = dr*wr-di*wi, dr*wi+di*wr
	}
}

// shift moves pixel (rows/2, cols/2) to (0, 0) and scales.
func shift[T pool.Float](dst, src []T, rows, cols int, scale T) {
	half := 2 * (cols / 2)
	for r := range rows {
		from := src[2*cols*((r+rows/2)%rows):][:2*cols]
		to := dst[2*cols*r:][:2*cols]
		for i, v := range from[half:] {
			to[i] = v * scale
		}
		for i, v := range from[:half] {
			to[2*cols-half+i] = v * scale
		}
	}
}

// tile is the side of the blocks of a transposition; a block of pairs fits the first-level cache twice.
const tile = 16

func transpose[T pool.Float](dst, src []T, rows, cols int) {
	for r0 := 0; r0 < rows; r0 += tile {
		for c0 := 0; c0 < cols; c0 += tile {
			for r := r0; r < min(r0+tile, rows); r++ {
				for c := c0; c < min(c0+tile, cols); c++ {
					dst[2*(c*rows+r)], dst[2*(c*rows+r)+1] = src[2*(r*cols+c)], src[2*(r*cols+c)+1]
				}
			}
		}
	}
}

// transposeShifted also moves pixel (0, 0) to the centre. Both sides are even.
func transposeShifted[T pool.Float](dst, src []T, rows, cols int) {
	for r0 := 0; r0 < rows; r0 += tile {
		for c0 := 0; c0 < cols; c0 += tile {
			for r := r0; r < min(r0+tile, rows); r++ {
				for c := c0; c < min(c0+tile, cols); c++ {
					to := 2 * ((c+cols/2)%cols*rows + (r+rows/2)%rows)
					dst[to], dst[to+1] = src[2*(r*cols+c)], src[2*(r*cols+c)+1]
				}
			}
		}
	}
}

func (p *Plan[T]) slow(dst, src []T, inverse bool) {
	x := make([]complex128, p.rows*p.cols)
	for i := range x {
		x[i] = complex(float64(src[2*i]), float64(src[2*i+1]))
	}
	f := physics.NewFourier(p.rows, p.cols)
	if inverse {
		f.Inverse(x)
	} else {
		f.Forward(x)
	}
	for i, v := range x {
		dst[2*i], dst[2*i+1] = T(real(v)), T(imag(v))
	}
}
