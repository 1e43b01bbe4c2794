package examine

import (
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/scan"
)

// A single pixel is compared with the one of isolatedRank of the eight around, the darkest first, since on a slope three are darker, and expected to
// have isolatedShare of its counts at least.
const isolatedRank, isolatedShare = 2, 0.5

// isolated marks single pixels without a count between eight that count, and returns the chance of so many. Their mean is estimated as half of the third
// darkest of those, times the smallest such ratio of a lit pixel in this scan: dark rings and holes of patterns are wider than a pixel. That m pixels of such a mean have no count, where e^−λ adds up to μ for all pixels, has a chance of at most μ^m/m!.
func (p *profile) isolated(quantum float64, is []bool) float64 {
	around := make([]float64, 0, 8)
	darkest, smallest := make([]float64, len(p.sum)), 1.0
	for i, s := range p.sum {
		if p.bad[i] {
			continue
		}
		lit := around[:0]
		p.near(i, func(q int) {
			if !p.bad[q] && p.sum[q] > 0 {
				lit = append(lit, p.sum[q])
			}
		})
		if len(lit) < 8 {
			continue
		}
		if darkest[i] = scan.Select(lit, isolatedRank); s > 0 {
			smallest = min(smallest, beyondNoise(s)/darkest[i])
		}
	}
	var pixels []int
	for i, d := range darkest {
		if d > 0 {
			pixels = append(pixels, i)
		}
	}
	ascending(pixels, func(i int) float64 { return -darkest[i] })
	chance, sure := math.Inf(-1), 0
	expected, dark := 0.0, 0.0
	for k, i := range pixels {
		expected += math.Exp(-smallest * isolatedShare * darkest[i] / quantum)
		if p.sum[i] > 0 {
			continue
		}
		dark++
		many, _ := math.Lgamma(dark + 1)
		if c := math.Log(dark) + dark*math.Log(expected) - many; c < logAlpha {
			chance, sure = c, k+1
		}
	}
	for _, i := range pixels[:sure] {
		is[i] = is[i] || p.sum[i] == 0
	}
	return chance
}

// beyondNoise returns a sum that photon noise does not exceed.
func beyondNoise(s float64) float64 { return s + 3*math.Sqrt(s) + 5 }

// deadLines marks rows and columns without any count, and returns the largest chance of one. The mean of a line is the sum of those of its
// pixels, or the one that the lines beside it lead to expect.
func (p *profile) deadLines(quantum float64, mean []float64, is []bool) float64 {
	chance, expected := math.Inf(-1), p.lineMeans(quantum)
	for line := range 2 * p.N {
		dark, all := true, 0.0
		for k := range p.N {
			dark = dark && p.sum[p.inLine(line, k)] == 0
			all += mean[p.inLine(line, k)]
		}
		c := math.Log(float64(2*p.N)) - max(all, expected[line])
		if !dark || c >= logAlpha {
			continue
		}
		chance = max(chance, c)
		for k := range p.N {
			i := p.inLine(line, k)
			is[i] = is[i] || !p.bad[i]
		}
	}
	return chance
}

// inLine returns pixel k of a line: of row line, or of column line − N.
func (p *profile) inLine(line, k int) int {
	if line < p.N {
		return line*p.N + k
	}
	return k*p.N + line - p.N
}

// lineMeans returns, for each line without a count, a low estimate of its mean: the darker of the two lit lines beside it in each pixel, times
// the scan's smallest ratio of a lit line to such lines at that distance, and a third of that.
func (p *profile) lineMeans(quantum float64) []float64 {
	n := p.N
	total, mean := make([]float64, 2*n), make([]float64, 2*n)
	for i, s := range p.sum {
		if !p.bad[i] {
			total[i/n] += s
			total[n+i%n] += s
		}
	}
	if !slices.Contains(total, 0) {
		return mean
	}
	sum := slices.Clone(p.sum)
	p.fill(sum)
	inside := func(line, other int) bool { return other >= 0 && other < 2*n && other/n == line/n }
	between := func(line, before, behind int) float64 {
		all := 0.0
		for k := range n {
			if !p.bad[p.inLine(line, k)] {
				all += min(sum[p.inLine(before, k)], sum[p.inLine(behind, k)])
			}
		}
		return all
	}
	reach := max(fewestAcross, n/widest)
	least := make([]float64, reach+1)
	least[0] = 1
	for d := 1; d <= reach; d++ {
		least[d] = least[d-1]
		for line, t := range total {
			if inside(line, line-d) && inside(line, line+d) && min(t, total[line-d], total[line+d]) > 0 {
				least[d] = min(least[d], beyondNoise(t)/max(between(line, line-d, line+d), beyondNoise(0)))
			}
		}
	}
	walk := func(line, step int) int {
		for d := 1; d <= reach; d++ {
			if at := line + d*step; !inside(line, at) {
				return -1
			} else if total[at] > 0 {
				return d
			}
		}
		return -1
	}
	for line, t := range total {
		if a, b := walk(line, -1), walk(line, 1); t == 0 && a > 0 && b > 0 {
			mean[line] = least[max(a, b)] * rougher * between(line, line-a, line+b) / quantum
		}
	}
	return mean
}

// fewestSingle is the least number of pixels with one count that show its size.
const fewestSingle = 8

// quantum returns the size of one photon: the median count of the pixels that have a count in one frame only, as in patterns that are in units of the
// read-out, at least the unit.
func (p *profile) quantum() float64 {
	var single []float64
	if p.base == 0 {
		for i, s := range p.sum {
			if !p.bad[i] && s > 0 && s == float64(p.high[i]) {
				single = append(single, s)
			}
		}
	}
	unit := float64(max(p.unit, 1))
	if len(single) < fewestSingle {
		return unit
	}
	return max(unit, scan.Median(single))
}
