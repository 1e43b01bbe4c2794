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

// fitPositions moves the patterns within the bound and subtracts the mean move, which the object would only follow.
func (v *solver) fitPositions(moves [][2]float64, iteration int) {
	if iteration < positionsFrom {
		return
	}
	if v.speed == nil {
		v.speed = make([][2]float64, len(moves))
	}
	var mean [2]float64
	for j, m := range moves {
		for axis := range m {
			if math.IsNaN(m[axis]) {
				m[axis] = 0
			}
			m[axis] = min(max(m[axis], -maxMove), maxMove) * float64(v.slow)
			v.speed[j][axis] = min(max(positionMomentum*v.speed[j][axis]+m[axis], -maxMove), maxMove)
			moves[j][axis] = v.speed[j][axis]
			mean[axis] += moves[j][axis] / float64(len(moves))
		}
	}
	for j, m := range moves {
		v.top[j] = bounded(v.top[j]+m[0]-mean[0], v.top0[j], v.o.PositionBound)
		v.left[j] = bounded(v.left[j]+m[1]-mean[1], v.left0[j], v.o.PositionBound)
	}
}

func bounded(p, about, bound float64) float64 { return min(max(p, about-bound), about+bound) }
