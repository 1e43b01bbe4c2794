package fft

// kernels are the loops of one path. A block is [n] rows of 2·lanes numbers, the real parts of the lanes and then the
// imaginary ones, or the reverse: re and im are their starts in a row.
type kernels[T Float] struct {
	lanes int
	split func(twos int) []int // the radices for a power of two

	// combine runs one stage on groups·radix·span rows of x in place.
	combine func(x []T, re, im int, twiddles []T, radix, span, groups int)
	// gather fills row j of the block x with columns col … col+width−1 of row rows[j] of the source.
	gather func(x []T, re, im int, rows []int32, s *source[T], col, width int)
	// turn transposes height rows × width lanes: lane c of row rows[j] of x goes to lane j of row to[c] of y.
	turn func(y, x []T, rows, to []int32)
	// scatter writes images: lane j of row from[c] of the block x goes to column col+c of row row+j.
	scatter func(t *target[T], row, col, height int, x []T, re, im int, from []int32)
}

// portable returns the kernels in plain Go, for any number of lanes.
func portable[T Float](lanes int) kernels[T] {
	return kernels[T]{
		lanes: lanes, split: fours,
		combine: func(x []T, re, im int, w []T, radix, span, groups int) {
			combine(x, re, im, lanes, w, radix, span, groups)
		},
		gather: func(x []T, re, im int, rows []int32, s *source[T], col, width int) {
			gather(x, re, im, lanes, rows, s, col, width)
		},
		turn: func(y, x []T, rows, to []int32) { turn(y, x, lanes, rows, to) },
		scatter: func(t *target[T], row, col, height int, x []T, re, im int, from []int32) {
			scatter(t, row, col, height, x, re, im, lanes, from)
		},
	}
}

func gather[T Float](x []T, re, im, lanes int, rows []int32, s *source[T], col, width int) {
	for j, row := range rows {
		xr, xi := x[2*lanes*j+re:][:lanes], x[2*lanes*j+im:][:lanes]
		a := s.image[2*(int(row)*s.stride+col):][:2*width]
		at := int(row)*s.byStride + col
		switch s.kind {
		case plain:
			for c := range width {
				xr[c], xi[c] = a[2*c], a[2*c+1]
			}
		case timesReal:
			for c, f := range s.by[at:][:width] {
				xr[c], xi[c] = a[2*c]*f, a[2*c+1]*f
			}
		case timesComplex:
			b := s.by[2*at:][:2*width]
			for c := range width {
				xr[c], xi[c] = a[2*c]*b[2*c]-a[2*c+1]*b[2*c+1], a[2*c]*b[2*c+1]+a[2*c+1]*b[2*c]
			}
		case timesConj:
			b := s.by[2*at:][:2*width]
			for c := range width {
				xr[c], xi[c] = a[2*c]*b[2*c]+a[2*c+1]*b[2*c+1], a[2*c+1]*b[2*c]-a[2*c]*b[2*c+1]
			}
		}
		clear(xr[width:])
		clear(xi[width:])
	}
}

func turn[T Float](y, x []T, lanes int, rows, to []int32) {
	for c, row := range to {
		out := y[2*lanes*int(row):][:2*lanes]
		for j, from := range rows {
			out[j], out[lanes+j] = x[2*lanes*int(from)+c], x[2*lanes*int(from)+lanes+c]
		}
		clear(out[len(rows):lanes])
		clear(out[lanes+len(rows):])
	}
}

func scatter[T Float](t *target[T], row, col, height int, x []T, re, im, lanes int, from []int32) {
	width := len(from)
	for j := range height {
		var out, by, sum []T
		if t.image != nil {
			out = t.image[2*((row+j)*t.stride+col):][:2*width]
		}
		if t.by != nil {
			by = t.by[2*((row+j)*t.byStride+col):][:2*width]
		}
		if t.sum != nil {
			sum = t.sum[(row+j)*t.sumStride+col:][:width]
		}
		for c, r := range from {
			a, b := x[2*lanes*int(r)+re+j]*t.scale, x[2*lanes*int(r)+im+j]*t.scale
			if sum != nil {
				sum[c] += a*a + b*b
			}
			if by != nil {
				p, q := by[2*c], by[2*c+1]
				a, b = a*p+b*q, b*p-a*q
			}
			switch {
			case out == nil:
			case t.add:
				out[2*c] += a
				out[2*c+1] += b
			default:
				out[2*c], out[2*c+1] = a, b
			}
		}
	}
}
