package solve

import (
	"math"
	"slices"
)

// backgroundKnots is the number of nodes of the smooth background along a side.
const backgroundKnots = 8

// floorBackground is the least background that training assumes, in counts per pixel.
const floorBackground = 0.01

// minBackground, in counts, keeps a fitted background from becoming 0, which multiplicative steps cannot leave.
const minBackground = 1e-4

const (
	// backgroundRelax is the part of a step that is applied: object and probe follow only in the next iteration.
	backgroundRelax = 0.5
	// maxBackgroundStep bounds a step of a background's logarithm.
	maxBackgroundStep = 0.5
)

// setBackground sets the given background, or initialises a fitted one with a constant: the mean of the darkest tenth
// of the mean pattern's pixels, at least the 0.01 counts that training assumes.
func (v *solver) setBackground() {
	if v.o.Fit.Background {
		v.meanCounts = make([]float64, v.size)
		for _, pattern := range v.data.All() {
			for i, k := range pattern {
				v.meanCounts[i] += float64(k) / float64(v.data.Len())
			}
		}
	}
	switch {
	case v.o.Background != nil:
		v.background = make([]float32, v.size)
		copy(v.background, v.o.Background)
		return
	case !v.o.Fit.Background:
		if v.o.Engine == Adam { // the likelihood's gradient, k/λ − 1, is unbounded for λ = 0
			v.background = slices.Repeat([]float32{floorBackground}, v.size)
		}
		return
	}
	level := max(darkest(v.meanCounts, v.data.Mask), floorBackground)
	v.background = make([]float32, v.size)
	for i := range v.background {
		v.background[i] = float32(level)
	}
}

// totalBackground returns the sum over the detector; goodBackground excludes masked pixels.
func (v *solver) totalBackground() float64 {
	sum := 0.0
	for _, b := range v.background {
		sum += float64(b)
	}
	return sum
}

func (v *solver) goodBackground() float64 {
	if v.mask == nil {
		return v.totalBackground()
	}
	sum := 0.0
	for i, b := range v.background {
		sum += float64(b * v.mask[i])
	}
	return sum
}

// fitBackground takes a step for a background of non-negative parts, hat functions φ_i that sum to a constant on a grid of
// knots. Expectation maximisation (Dempster, Laird, Rubin, J. R. Stat. Soc. B 39 (1977) 1) would multiply the part i by
// the mean of q under φ_i,
//
//	q(u) = mean over the patterns of 1 + g = k/λ for the likelihood, √(k/λ) for the amplitudes,
//
// which is 1 at the optimum. It is slow if the background is a small part of the counts. Therefore the
// deviation from 1 is divided by that part, b/k of the mean pattern under φ_i: Newton's step in the logarithm of the part
// with the expected curvature. Masked pixels are excluded.
func (v *solver) fitBackground(ratio []float64) {
	n, count := v.n, float64(len(v.fitted()))
	knots := min(backgroundKnots, n)
	num, den := make([]float64, knots*knots), make([]float64, knots*knots)
	v.eachKnot(knots, func(pixel, knot int, share float64) {
		if v.mask != nil && v.mask[pixel] == 0 {
			return
		}
		b := float64(v.background[pixel])
		num[knot] += share * (ratio[pixel]/count - 1)
		den[knot] += share * b / max(v.meanCounts[pixel], b)
	})
	for k := range num {
		if den[k] > 0 {
			num[k] = math.Exp(min(max(backgroundRelax*num[k]/den[k], -maxBackgroundStep), maxBackgroundStep))
		} else {
			num[k] = 1
		}
	}
	factor := make([]float64, n*n)
	v.eachKnot(knots, func(pixel, knot int, share float64) { factor[pixel] += share * num[knot] })
	for i, b := range v.background {
		v.background[i] = max(b*float32(factor[i]), minBackground)
	}
}

// eachKnot calls do for every pixel and the four knots around it, with shares that add up to 1.
func (v *solver) eachKnot(knots int, do func(pixel, knot int, share float64)) {
	along := func(i int) (int, float64) {
		t := float64(i) / float64(max(v.n-1, 1)) * float64(knots-1)
		k := min(int(t), max(knots-2, 0))
		return k, t - float64(k)
	}
	for y := range v.n {
		ky, fy := along(y)
		for x := range v.n {
			kx, fx := along(x)
			for q, share := range [4]float64{(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx} {
				if share > 0 {
					do(y*v.n+x, (ky+q>>1)*knots+kx+q&1, share)
				}
			}
		}
	}
}

// darkest returns the mean of the darkest tenth of the valid pixels.
func darkest(mean []float64, mask []uint8) float64 {
	var values []float64
	for i, m := range mean {
		if mask == nil || mask[i] != 0 {
			values = append(values, m)
		}
	}
	slices.Sort(values)
	count := max(len(values)/10, 1)
	sum := 0.0
	for _, m := range values[:count] {
		sum += m
	}
	return sum / float64(count)
}
