package prepare

import (
	"math"
	"slices"
)

// sampled is the number of patterns whose mean shows where the beam is.
const sampled = 32

// Sample returns the numbers of at most Sampled of n patterns, evenly spread.
func Sample(n int) []int {
	all := make([]int, min(n, sampled))
	for k := range all {
		all[k] = k * n / len(all)
	}
	return all
}

// beamShare is the share of the brightest pixel from which on a pixel belongs to the beam.
const beamShare = 0.1

// Beam returns the centre of mass of the pixels of a mean frame [h, w] that have at least a tenth of the counts of the brightest, as a whole
// pixel (row, column). A median over 3×3 pixels first removes hot pixels. ok is false for a frame without counts.
func Beam(mean []float64, h, w int) (centre [2]int, ok bool) {
	smooth := median(mean, h, w)
	limit := beamShare * slices.Max(smooth)
	if !(limit > 0) {
		return centre, false
	}
	var y, x, total float64
	for i, v := range smooth {
		if v >= limit {
			y, x, total = y+v*float64(i/w), x+v*float64(i%w), total+v
		}
	}
	return [2]int{int(math.Round(y / total)), int(math.Round(x / total))}, true
}

// Hidden returns the share of the counts of a mean frame [h, w] that a mask hides. A median over 3×3 pixels first removes hot pixels, which
// masks are for.
func Hidden(mean []float64, mask []uint8, h, w int) float64 {
	hidden, total := 0.0, 0.0
	for i, v := range median(mean, h, w) {
		if total += v; mask[i] == 0 {
			hidden += v
		}
	}
	if total == 0 {
		return 0
	}
	return hidden / total
}

// median returns the median of the 3×3 pixels around each pixel; at the border, of those that are there.
func median(frame []float64, h, w int) []float64 {
	out := make([]float64, len(frame))
	const around = 9
	var near [around]float64
	for r := range h {
		for c := range w {
			n := 0
			for y := max(r-1, 0); y <= min(r+1, h-1); y++ {
				n += copy(near[n:], frame[y*w+max(c-1, 0):y*w+min(c+2, w)])
			}
			slices.Sort(near[:n])
			out[r*w+c] = near[(n-1)/2]
		}
	}
	return out
}
