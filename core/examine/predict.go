package examine

import (
	"context"
	"math"

	"github.com/ptychogo/ptycho/core/scan"
)

const (
	// mostPredicted bounds the number of frames that are predicted from their neighbours.
	mostPredicted = 600
	// leastShared is the least overlap of a neighbour that predicts a frame, constantLeast the least number of them. A plane is fitted
	// to planeLeast or more, a constant to fewer.
	leastShared, constantLeast, planeLeast = 0.2, 3, 8
	// mostContrast bounds the relative variance of the object's transmission at its worst frequency: a grating of full contrast whose
	// transmission is a sine has 1/2 at one frequency, and no object has all of its variance at the worst one.
	mostContrast = 0.25
	// roughestObject is the factor by which an object may leave more of the variance of the counts unexplained than one without any
	// smoothness, as lines as narrow as the probe do.
	roughestObject = 1.5
	// Frequencies are tried up to finest over the probe's diameter, at frequencyRings radii and frequencyAngles angles.
	finest, frequencyRings, frequencyAngles = 3, 12, 8
)

// beyond predicts frames from their neighbours, and returns the squares of the errors of 2√counts less the photon noise and less what an
// object can cause, and the sum of the factors of a fluctuation of the exposure in them.
//
// The counts are the transmission averaged over the probe's intensity. Of a frequency k of the object the average keeps |F(k)|, F being the
// transform of the intensity, and the error of the prediction |1 − Σw·e^ikx| of that. So the largest product over all frequencies bounds the
// error of every object, by its contrast. An object without any smoothness has all frequencies alike, and the error has the mean of the
// products as its share of the variance of all counts.
func (p *profile) beyond(ctx context.Context, e *exposures) (squares []float64, gain float64, err error) {
	frequencies, all := p.frequencies(), max(variance(e.root)-1, 0)
	if len(frequencies) == 0 { // a probe smaller than a pixel, or none
		return nil, 0, nil
	}
	highest := 0
	for _, f := range frequencies {
		highest = max(highest, f.row, abs(f.col))
	}
	phases := newTurns(highest)
	for _, at := range scan.Thin(indices(len(e.near.of)), mostPredicted) {
		j := e.near.of[at]
		if err := ctx.Err(); err != nil {
			return nil, 0, context.Cause(ctx)
		}
		set, w := e.prediction(j, e.near.near[at])
		if w == nil {
			continue
		}
		difference, noise := e.root[j], 1.0
		for k, a := range set {
			difference -= w[k] * e.root[a]
			noise += w[k] * w[k]
		}
		worst, left, kept := 0.0, 0.0, math.SmallestNonzeroFloat64
		phases.turn(e, set, j, p.N)
		for _, f := range frequencies {
			re, im := phases.error(f, w)
			worst = max(worst, f.kept*(re*re+im*im))
			left, kept = left+f.weight*(re*re+im*im), kept+f.weight
		}
		squares = append(squares, difference*difference-noise-min(mostContrast*worst*e.mean, roughestObject*left/kept*all))
		gain += noise
	}
	return squares, gain, nil
}

// variance returns the mean squared deviation from the mean.
func variance(values []float64) float64 {
	var mean, square float64
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		square += (v - mean) * (v - mean) / float64(len(values))
	}
	return square
}

// turns are the first powers of the phases that one cycle in N pixels has at the distances of a frame and some others, along rows and
// columns: real and imaginary parts, [power][other].
type turns struct{ rowRe, rowIm, colRe, colIm [][]float64 }

func newTurns(highest int) *turns {
	t := &turns{}
	for _, all := range []*[][]float64{&t.rowRe, &t.rowIm, &t.colRe, &t.colIm} {
		*all = make([][]float64, highest+1)
		for power := range *all {
			(*all)[power] = make([]float64, around)
		}
	}
	return t
}

// turn makes them those of frame j and a set of others.
func (t *turns) turn(e *exposures, set []int, j, n int) {
	powers := func(re, im [][]float64, k int, distance float64) {
		s, c := math.Sincos(2 * math.Pi * distance / float64(n))
		v := complex(1, 0)
		for power := range re {
			re[power][k], im[power][k] = real(v), imag(v)
			v *= complex(c, s)
		}
	}
	for k, a := range set {
		powers(t.rowRe, t.rowIm, k, e.rows[a]-e.rows[j])
		powers(t.colRe, t.colIm, k, e.cols[a]-e.cols[j])
	}
}

// error returns 1 − Σw·e^ikx of a frequency, whose row is not negative.
func (t *turns) error(f frequency, w []float64) (re, im float64) {
	rowRe, rowIm := t.rowRe[f.row][:len(w)], t.rowIm[f.row][:len(w)]
	colRe, colIm := t.colRe[abs(f.col)][:len(w)], t.colIm[abs(f.col)][:len(w)]
	sign := 1.0
	if f.col < 0 {
		sign = -1
	}
	re = 1
	for k, weight := range w {
		a, b, c, d := rowRe[k], rowIm[k], colRe[k], sign*colIm[k]
		re -= weight * (a*c - b*d)
		im -= weight * (a*d + b*c)
	}
	return re, im
}

// A frequency of the object in cycles in N pixels, and |F|², where F is the transform of the probe's intensity over its sum.
type frequency struct {
	row, col int
	kept     float64
	weight   float64 // kept, times the number of frequencies at this distance
}

// frequencies returns those that are tried.
func (p *profile) frequencies() []frequency {
	size := p.N * p.N
	s := p.spectrum()
	if s == nil || len(p.Probe) == 0 || len(p.Probe)%size != 0 {
		return nil
	}
	intensity, total := make([]complex128, size), 0.0
	for i, v := range p.Probe {
		intensity[i%size] += complex(square(complex128(v)), 0)
		total += square(complex128(v))
	}
	s.plan.Forward(intensity, intensity, &s.work)
	kept := func(y, x int) float64 {
		return square(intensity[(y+p.N)%p.N*p.N+(x+p.N)%p.N]) * float64(size) / (total * total) // the transform is orthonormal
	}
	var out []frequency
	for ring := 1; ring <= frequencyRings; ring++ {
		for angle := range frequencyAngles {
			r, phi := float64(ring)/frequencyRings*finest/p.Diameter*float64(p.N), math.Pi*float64(angle)/frequencyAngles
			y, x := int(math.Round(r*math.Sin(phi))), int(math.Round(r*math.Cos(phi)))
			if 2*max(abs(y), abs(x)) < p.N {
				k := kept(y, x)
				out = append(out, frequency{y, x, k, k * math.Hypot(float64(y), float64(x))})
			}
		}
	}
	return out
}

// prediction returns those neighbours of frame j that overlap with it and the factors of their values that predict it: a plane, or a constant, is fitted to them,
// weighted by their overlap. Without enough neighbours the factors are nil.
func (e *exposures) prediction(j int, near []int32) (set []int, w []float64) {
	var weight []float64
	for _, o := range near {
		if a := scan.Overlap(math.Hypot(e.rows[o]-e.rows[j], e.cols[o]-e.cols[j]), e.diameter); a >= leastShared {
			set, weight = append(set, int(o)), append(weight, a)
		}
	}
	if len(set) < constantLeast {
		return nil, nil
	}
	w = make([]float64, len(set))
	for _, b := range e.basis(j, set, weight) {
		for k := range set {
			w[k] += weight[k] * b[len(set)] * b[k]
		}
	}
	return set, w
}

// basis returns orthonormal functions of the positions of a set, under a weight: a constant, and for enough neighbours the coordinates.
// Each has its value at frame j last.
func (e *exposures) basis(j int, set []int, weight []float64) [][]float64 {
	m := len(set)
	raw := [][]float64{make([]float64, m+1), make([]float64, m+1), make([]float64, m+1)}
	for k, a := range set {
		raw[0][k], raw[1][k], raw[2][k] = 1, e.rows[a]-e.rows[j], e.cols[a]-e.cols[j]
	}
	raw[0][m] = 1
	if m < planeLeast {
		raw = raw[:1]
	}
	product := func(a, b []float64) float64 {
		s := 0.0
		for k := range set {
			s += weight[k] * a[k] * b[k]
		}
		return s
	}
	var out [][]float64
	for _, v := range raw {
		before := product(v, v)
		for _, b := range out {
			c := product(v, b)
			for k := range v {
				v[k] -= c * b[k]
			}
		}
		norm := product(v, v)
		if norm <= 1e-6*before || norm <= 0 { // positions on a line, or at one point
			continue
		}
		for k := range v {
			v[k] /= math.Sqrt(norm)
		}
		out = append(out, v)
	}
	return out
}
