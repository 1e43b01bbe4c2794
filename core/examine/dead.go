package examine

import (
	"fmt"
	"math"
)

const (
	// rougher is the factor by which a pixel may be darker, relative to the pixels on its sides, than the darkest other pixel is.
	rougher = 1. / 3
	// The widest dead area is an eighth of the side, at least fewestAcross pixels.
	widest, fewestAcross = 8, 6
	// A dead area that takes more than this share of the counts makes the image wrong.
	muchLost = 0.002
)

// axes are the four pairs of opposite directions.
var axes = [4][2]int{{0, 1}, {1, 0}, {1, 1}, {1, -1}}

// walk returns the sum of the nearest lit pixel from i in a direction, and its distance; 0 if there is none within reach.
func (p *profile) walk(i, dy, dx, reach int) (sum float64, distance int) {
	y, x := i/p.N, i%p.N
	for d := 1; d <= reach; d++ {
		v, u := y+d*dy, x+d*dx
		if v < 0 || v >= p.N || u < 0 || u >= p.N {
			return 0, 0
		}
		if q := v*p.N + u; !p.bad[q] && p.sum[q] > 0 {
			return p.sum[q], d
		}
	}
	return 0, 0
}

// expected returns a lower estimate of the counts of a dark pixel, and the distance over which it was made: the darker of two lit pixels
// on opposite sides, for the axis where that is largest.
func (p *profile) expected(i, reach int) (counts float64, distance int) {
	for _, a := range axes {
		one, d := p.walk(i, a[0], a[1], reach)
		other, e := p.walk(i, -a[0], -a[1], reach)
		if v := min(one, other); v > counts {
			counts, distance = v, max(d, e)
		}
	}
	return counts, distance
}

// roughness returns, for every distance, how dark the darkest lit pixel of the scan is relative to the pixels at that distance on its
// sides. It is what dark rings and holes of this scan's patterns do without a fault.
func (p *profile) roughness(reach int) []float64 {
	least := make([]float64, reach+1)
	for d := range least {
		least[d] = 1
	}
	lit := make([]uint64, len(p.sum)) // bits of the sums, which have the same order and are faster to compare; 0 where there is none
	for i, s := range p.sum {
		if !p.bad[i] && s > 0 {
			lit[i] = math.Float64bits(s)
		}
	}
	var steps [len(axes)]int
	for k, a := range axes {
		steps[k] = a[0]*p.N + a[1]
	}
	for i, bits := range lit {
		if bits == 0 {
			continue
		}
		s := math.Float64frombits(bits)
		y, x, most := i/p.N, i%p.N, beyondNoise(s)
		inside := min(y, x, p.N-1-y, p.N-1-x)
		for d := 1; d <= reach; d++ {
			between := uint64(0)
			for k, a := range axes {
				if d <= inside || min(y-d*a[0], y+d*a[0], x-d*a[1], x+d*a[1]) >= 0 && max(y-d*a[0], y+d*a[0], x-d*a[1], x+d*a[1]) < p.N {
					between = max(between, min(lit[i+d*steps[k]], lit[i-d*steps[k]]))
				}
			}
			if expected := math.Float64frombits(between); most < least[d]*expected {
				least[d] = most / expected
			}
		}
	}
	for d := 2; d <= reach; d++ {
		least[d] = min(least[d], least[d-1])
	}
	return least
}

// dead finds pixels, rows and columns without a count inside the lit region. A pixel with mean λ has none in all frames with a chance of
// e^-λ, a row with the product. λ of a pixel is estimated low: see expected, multiplied by the scan's roughness and once more by a third, and divided by
// the distance: where there is hardly any light, the nearest pixel with a count has one by chance.
func (p *profile) dead() []Finding {
	reach := max(fewestAcross, p.N/widest)
	rough := p.roughness(reach)
	mean := make([]float64, len(p.sum)) // λ of pixels without a count
	all, quantum := 0.0, p.quantum()
	for i, s := range p.sum {
		all += s
		if !p.bad[i] && s == 0 && p.below[i] {
			mean[i] = p.base * float64(p.used)
		} else if !p.bad[i] && s == 0 {
			if v, d := p.expected(i, reach); d > 0 {
				mean[i] = rough[d] * rougher * v / float64(d) / quantum
			}
		}
	}
	is := make([]bool, len(p.sum))
	chance := max(p.isolated(quantum, is), p.deadLines(quantum, mean, is))
	var pixels []int
	lost := 0.0
	for i, m := range mean {
		if c := math.Log(float64(len(p.sum))) - m; m > 0 && c < logAlpha {
			is[i] = true
			chance = max(chance, c)
		}
		if is[i] {
			pixels = append(pixels, i)
			v, _ := p.expected(i, reach)
			lost += v
		}
	}
	if len(pixels) == 0 {
		return nil
	}
	p.leaveOut(pixels)
	severity := Warning
	if lost > muchLost*(all+lost) {
		severity = Wrong
	}
	return []Finding{{
		ID: Dead, Severity: severity, Pixels: p.coordinates(pixels), LogChance: decimal(chance),
		What: fmt.Sprintf("%s no counts in all %d frames although the pixels around do, about %.2g %% of the light", has(len(pixels), "pixel"), p.used, 100*lost/(all+lost)),
		Fix:  "save a mask with 0 at these pixels", Evidence: map[string]float64{"share_of_light": lost / (all + lost)},
	}}
}
