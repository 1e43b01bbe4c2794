package solve

import "math"

const (
	// positionsFrom is the iteration from which positions move: the object has too little detail before.
	positionsFrom = 4
	// maxMove bounds a move in one iteration, in pixels: gradients are valid only nearby.
	maxMove = 1.0
	// positionMomentum is the share of the last move that is kept: steps are small while the object is blurred.
	positionMomentum = 0.8
)

// fitFrame computes a pattern's move: the step (dy, dx) for which P·∂O/∂y·dy + P·∂O/∂x·dx is closest to χ in the
// least-squares sense (Odstrčil, Menzel, Guizar-Sicairos, Opt. Express 26 (2018) 3108, section 2.4), with central
// differences of the patch as derivatives.
func (v *solver) fitFrame(_ *work, s *slot) {
	if !v.o.Fit.Positions {
		return
	}
	n := v.n
	var yy, yx, xx, ry, rx float64
	for m, wave := range s.waves {
		for i := 1; i < n-1; i++ {
			var ryy, ryx, rxx, rry, rrx float32 // of one row: float32 is accurate enough for n values
			up, here, down := s.patch[(i-1)*n:i*n], s.patch[i*n:(i+1)*n], s.patch[(i+1)*n:(i+2)*n]
			p, c := v.probe[m][i*n:(i+1)*n], wave[i*n:(i+1)*n]
			for x := 1; x < n-1; x++ {
				a := p[x] * (down[x] - up[x])
				b := p[x] * (here[x+1] - here[x-1])
				ryy += abs2(a)
				rxx += abs2(b)
				ryx += real(a)*real(b) + imag(a)*imag(b)
				rry += real(a)*real(c[x]) + imag(a)*imag(c[x])
				rrx += real(b)*real(c[x]) + imag(b)*imag(c[x])
			}
			yy, yx, xx = yy+float64(ryy), yx+float64(ryx), xx+float64(rxx)
			ry, rx = ry+float64(rry), rx+float64(rrx)
		}
	}
	// The differences span two pixels: derivatives are half of them, and steps twice as long.
	s.move = [2]float64{}
	if det := yy*xx - yx*yx; det > 1e-6*yy*xx {
		s.move = [2]float64{2 * (xx*ry - yx*rx) / det, 2 * (yy*rx - yx*ry) / det}
	}
}

// fitPositions moves the patterns within the bound. The part of all moves that is affine in the given positions is
// removed: the object follows a common shift, and on smooth objects a slow stretch costs the fit so little that
// positions drift by pixels. With Fit.Affine only the mean is removed, so that a wrong magnification is corrected.
func (v *solver) fitPositions(moves [][2]float64, iteration int) {
	if iteration < positionsFrom {
		return
	}
	if v.speed == nil {
		v.speed = make([][2]float64, len(moves))
	}
	away := [2][]float64{make([]float64, len(moves)), make([]float64, len(moves))} // from the given positions
	for j, m := range moves {
		for axis := range m {
			if math.IsNaN(m[axis]) {
				m[axis] = 0
			}
			m[axis] = min(max(m[axis], -maxMove), maxMove) * float64(v.slow)
			v.speed[j][axis] = min(max(positionMomentum*v.speed[j][axis]+m[axis], -maxMove), maxMove)
		}
		away[0][j] = v.top[j] + v.speed[j][0] - v.top0[j]
		away[1][j] = v.left[j] + v.speed[j][1] - v.left0[j]
	}
	for axis := range away {
		removeAffine(away[axis], v.top0, v.left0, !v.o.Fit.Affine)
	}
	for j := range moves {
		v.top[j] = v.top0[j] + bounded(away[0][j], v.o.PositionBound)
		v.left[j] = v.left0[j] + bounded(away[1][j], v.o.PositionBound)
	}
}

// atBound returns the number of positions that the bound keeps from moving further along an axis.
func (v *solver) atBound() (n int) {
	if !v.o.Fit.Positions {
		return 0
	}
	for j := range v.top {
		if max(math.Abs(v.top[j]-v.top0[j]), math.Abs(v.left[j]-v.left0[j])) >= v.o.PositionBound-1e-6 { // away from the sum that was rounded
			n++
		}
	}
	return n
}

// removeAffine subtracts from d its mean, and with slopes its least-squares plane over the positions. Positions on a
// line have no plane: only the mean is removed.
func removeAffine(d, rows, cols []float64, slopes bool) {
	n := float64(len(d))
	var mean, y0, x0 float64
	for j := range d {
		mean, y0, x0 = mean+d[j]/n, y0+rows[j]/n, x0+cols[j]/n
	}
	var yy, yx, xx, ry, rx float64
	for j := range d {
		d[j] -= mean
		y, x := rows[j]-y0, cols[j]-x0
		yy, yx, xx, ry, rx = yy+y*y, yx+y*x, xx+x*x, ry+y*d[j], rx+x*d[j]
	}
	slope := solveSymmetric([]float64{yy, yx, yx, xx}, []float64{ry, rx})
	if !slopes || slope == nil {
		return
	}
	for j := range d {
		d[j] -= slope[0]*(rows[j]-y0) + slope[1]*(cols[j]-x0)
	}
}

func bounded(d, bound float64) float64 { return min(max(d, -bound), bound) }
