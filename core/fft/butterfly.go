package fft

// Constants of the transforms of length 3 and 5.
const (
	sin3  = 0.86602540378443864676372317075293618 // sin(2π/3)
	cos51 = 0.30901699437494742410229341718281906 // cos(2π/5)
	cos52 = -0.80901699437494742410229341718281906
	sin51 = 0.95105651629515357211643933337938214 // sin(2π/5)
	sin52 = 0.58778525229247312916870595463907277
)

// combine runs one stage in plain Go.
func combine[T Float](x []T, re, im, lanes int, w []T, radix, span, groups int) {
	width := 2 * lanes
	for g := range groups {
		for k := range span {
			first := (g*radix*span + k) * width
			v := w[2*(radix-1)*k:][:2*(radix-1)]
			switch radix {
			case 2:
				butterfly2(x, first, span*width, re, im, lanes, v)
			case 3:
				butterfly3(x, first, span*width, re, im, lanes, v)
			case 4:
				butterfly4(x, first, span*width, re, im, lanes, v)
			case 5:
				butterfly5(x, first, span*width, re, im, lanes, v)
			}
		}
	}
}

// times multiplies a + ib by the j-th twiddle.
func times[T Float](a, b T, w []T, j int) (T, T) {
	return a*w[2*j-2] - b*w[2*j-1], a*w[2*j-1] + b*w[2*j-2]
}

func butterfly2[T Float](x []T, first, step, re, im, lanes int, w []T) {
	ar, ai := x[first+re:][:lanes], x[first+im:][:lanes]
	br, bi := x[first+step+re:][:lanes], x[first+step+im:][:lanes]
	for l, a0 := range ar {
		a1 := ai[l]
		b0, b1 := times(br[l], bi[l], w, 1)
		ar[l], ai[l], br[l], bi[l] = a0+b0, a1+b1, a0-b0, a1-b1
	}
}

func butterfly3[T Float](x []T, first, step, re, im, lanes int, w []T) {
	ar, ai := x[first+re:][:lanes], x[first+im:][:lanes]
	br, bi := x[first+step+re:][:lanes], x[first+step+im:][:lanes]
	cr, ci := x[first+2*step+re:][:lanes], x[first+2*step+im:][:lanes]
	for l, a0 := range ar {
		a1 := ai[l]
		b0, b1 := times(br[l], bi[l], w, 1)
		c0, c1 := times(cr[l], ci[l], w, 2)
		s0, s1, d0, d1 := b0+c0, b1+c1, sin3*(b0-c0), sin3*(b1-c1)
		ar[l], ai[l] = a0+s0, a1+s1
		a0, a1 = a0-s0/2, a1-s1/2
		br[l], bi[l], cr[l], ci[l] = a0+d1, a1-d0, a0-d1, a1+d0
	}
}

func butterfly4[T Float](x []T, first, step, re, im, lanes int, w []T) {
	ar, ai := x[first+re:][:lanes], x[first+im:][:lanes]
	br, bi := x[first+step+re:][:lanes], x[first+step+im:][:lanes]
	cr, ci := x[first+2*step+re:][:lanes], x[first+2*step+im:][:lanes]
	dr, di := x[first+3*step+re:][:lanes], x[first+3*step+im:][:lanes]
	for l, a0 := range ar {
		a1 := ai[l]
		b0, b1 := times(br[l], bi[l], w, 1)
		c0, c1 := times(cr[l], ci[l], w, 2)
		d0, d1 := times(dr[l], di[l], w, 3)
		s0, s1, t0, t1 := a0+c0, a1+c1, a0-c0, a1-c1
		u0, u1, v0, v1 := b0+d0, b1+d1, b0-d0, b1-d1
		ar[l], ai[l], cr[l], ci[l] = s0+u0, s1+u1, s0-u0, s1-u1
		br[l], bi[l], dr[l], di[l] = t0+v1, t1-v0, t0-v1, t1+v0
	}
}

func butterfly5[T Float](x []T, first, step, re, im, lanes int, w []T) {
	ar, ai := x[first+re:][:lanes], x[first+im:][:lanes]
	br, bi := x[first+step+re:][:lanes], x[first+step+im:][:lanes]
	cr, ci := x[first+2*step+re:][:lanes], x[first+2*step+im:][:lanes]
	dr, di := x[first+3*step+re:][:lanes], x[first+3*step+im:][:lanes]
	er, ei := x[first+4*step+re:][:lanes], x[first+4*step+im:][:lanes]
	for l, a0 := range ar {
		a1 := ai[l]
		b0, b1 := times(br[l], bi[l], w, 1)
		c0, c1 := times(cr[l], ci[l], w, 2)
		d0, d1 := times(dr[l], di[l], w, 3)
		e0, e1 := times(er[l], ei[l], w, 4)
		s0, s1, t0, t1 := b0+e0, b1+e1, b0-e0, b1-e1
		u0, u1, v0, v1 := c0+d0, c1+d1, c0-d0, c1-d1
		ar[l], ai[l] = a0+s0+u0, a1+s1+u1
		p0, p1 := a0+cos51*s0+cos52*u0, a1+cos51*s1+cos52*u1
		q0, q1 := sin51*t0+sin52*v0, sin51*t1+sin52*v1
		br[l], bi[l], er[l], ei[l] = p0+q1, p1-q0, p0-q1, p1+q0
		p0, p1 = a0+cos52*s0+cos51*u0, a1+cos52*s1+cos51*u1
		q0, q1 = sin52*t0-sin51*v0, sin52*t1-sin51*v1
		cr[l], ci[l], dr[l], di[l] = p0+q1, p1-q0, p0-q1, p1+q0
	}
}
