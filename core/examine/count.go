package examine

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/internal/words"
)

const (
	// leastCeiling is the lowest ceiling that is looked for: detectors count at least 3 bits.
	leastCeiling = 8
	// atCeiling is the least number of values that make a ceiling.
	atCeiling = 3
	// windowDeviations is the width of the window below a ceiling in standard deviations of its Poisson noise.
	windowDeviations = 3
	// edge is the width of the two windows below the largest number of a type, relative to it.
	edge = 0.05
)

// ranges are the largest numbers of detectors' types that wrap around: 8, 10, 12, 14 and 16 bits.
var ranges = []float64{1<<8 - 1, 1<<10 - 1, 1<<12 - 1, 1<<14 - 1, 1<<16 - 1}

// counts finds clipped and wrapped counts, and counts in a unit.
func (p *profile) counts(ctx context.Context) ([]Finding, error) {
	var found []Finding
	if p.unit > 1 {
		found = append(found, Finding{ID: Unit, Severity: Note, Evidence: map[string]float64{"unit": float64(p.unit)}, What: fmt.Sprintf("all counts are multiples of %d: they are not single photons", p.unit)})
	}
	if !p.whole {
		return found, nil
	}
	if low := p.lowCeiling(); low != nil {
		return append(found, *low), nil
	}
	clipped, err := p.clipped(ctx)
	return append(found, clipped...), err
}

// lowCeiling finds counts that end below the lowest ceiling that detectors have, as true and false do. Poisson counts of the pixels' means
// would have some above it; that there are none where E are expected has a chance of e^−E. A mean that changes between frames leads to
// expect more.
func (p *profile) lowCeiling() *Finding {
	unit := float64(max(p.unit, 1))
	ceiling := float64(slices.Max(p.most)) / unit
	if ceiling < 1 || ceiling >= leastCeiling || p.base > 0 {
		return nil
	}
	expected := 0.0
	for i, s := range p.sum {
		if !p.bad[i] {
			expected += float64(p.used) * aboveChance(ceiling, s/float64(max(p.used, 1))/unit)
		}
	}
	if -expected >= logAlpha {
		return nil
	}
	return &Finding{
		ID: Clipped, Severity: Wrong, LogChance: decimal(-expected), Evidence: map[string]float64{"ceiling": ceiling * unit, "expected_above": expected},
		What: fmt.Sprintf("no count is above %.9g, although about %.3g would be by the means of the pixels: the counts were cut, or saved as true and false", ceiling*unit, expected),
		Fix:  "save the counts themselves",
	}
}

// ceilingOf returns the largest value that at least three pixels have as their largest.
func (p *profile) ceilingOf() float32 {
	var most []float32
	for i, v := range p.most {
		if !p.bad[i] && v > 0 {
			most = append(most, v)
		}
	}
	slices.Sort(most)
	for i := len(most) - 1; i >= atCeiling-1; i-- {
		if most[i] == most[i-atCeiling+1] {
			return most[i]
		}
	}
	return 0
}

// A top is what the largest values of a scan are.
type top struct {
	ceiling          float64
	at, below, above float64 // values at the ceiling, in the window below, above
	width            float64 // of the window, in units
	pixel            []bool  // [N·N] some value is at the ceiling
	frames           []int
	edges            [][2]float64 // values in the last two windows of each range, the last first
}

// topOf counts values at and below the ceiling, of all frames that have such values, and values near the largest numbers of types.
func (p *profile) topOf(ctx context.Context) (*top, error) {
	unit := float64(max(p.unit, 1))
	c := &top{ceiling: float64(p.ceilingOf()), pixel: make([]bool, len(p.bad)), edges: make([][2]float64, len(ranges))}
	c.width = math.Ceil(windowDeviations * math.Sqrt(c.ceiling/unit))
	low := float32(c.ceiling - c.width*unit)
	looked := max(leastCeiling, min(low, float32((1-2*edge)*ranges[0])))
	pixels := p.reaching(looked)
	visit := func(j int, counts []float32) {
		clips := false
		for _, i := range pixels {
			k := counts[i]
			if k < looked || len(p.cosmic) > 0 && p.cosmic[[2]int{j, i}] {
				continue
			}
			clips = c.add(i, float64(k), unit) || clips
			if p.few[j] {
				c.addEdge(float64(k))
			}
		}
		if clips {
			c.frames = append(c.frames, j)
		}
	}
	if err := p.those(ctx, func(j int) bool { return p.few[j] && p.Peak[j] >= looked }, visit); err != nil {
		return nil, err
	}
	// Then those that reach the ceiling, and the others if a pile-up is possible with half of the values below that the few lead to expect.
	rest := func(least, most float32) error {
		err := p.those(ctx, func(j int) bool { return !p.few[j] && p.Peak[j] >= max(least, looked) && p.Peak[j] < most }, visit)
		slices.Sort(c.frames)
		return err
	}
	expected := c.below / 2 * float64(len(p.lit())) / float64(max(p.used, 1))
	if err := rest(float32(c.ceiling), math.MaxFloat32); err != nil {
		return nil, err
	}
	if expected > manyBelow && p.chanceOf(c.at, expected, c.width) >= logAlpha {
		c.below = max(c.below, expected)
		return c, nil
	}
	return c, rest(low, float32(c.ceiling))
}

// reaching returns the good pixels of which some value is at least least.
func (p *profile) reaching(least float32) []int {
	struck := map[int]bool{} // their largest values are those without cosmic rays, of the few frames
	for r := range p.cosmic {
		struck[r[1]] = true
	}
	var pixels []int
	for i, v := range p.most {
		if !p.bad[i] && (v >= least || struck[i]) {
			pixels = append(pixels, i)
		}
	}
	return pixels
}

// manyBelow is the number of values below the ceiling for which their number in other frames is estimated.
const manyBelow = 200

// chanceOf returns the logarithm of the chance of a pile-up; see clipped.
func (p *profile) chanceOf(at, below, width float64) float64 {
	return math.Log(float64(len(p.bad))*float64(len(p.lit()))) + binomialChance(max(at-1, 0), at+below, 1/(width+1))
}

// add counts a value, and reports whether it is at the ceiling.
func (c *top) add(i int, v, unit float64) bool {
	switch {
	case v > c.ceiling:
		c.above++
	case v == c.ceiling:
		c.at++
		c.pixel[i] = true
		return true
	case v >= c.ceiling-c.width*unit:
		c.below++
	}
	return false
}

// addEdge counts a value near the end of a range.
func (c *top) addEdge(v float64) {
	for r, m := range ranges {
		switch {
		case v <= (1-2*edge)*m:
			return // ranges ascend
		case v > m:
		case v > (1-edge)*m:
			c.edges[r][0]++
		default:
			c.edges[r][1]++
		}
	}
}

// clipped finds a pile-up of values at a ceiling. Above the mean the number of values falls with the value. So a value at the ceiling or
// in the window of w counts below is at the ceiling with a chance of at most 1/(w+1); the binomial tail of that is the chance.
func (p *profile) clipped(ctx context.Context) ([]Finding, error) {
	c, err := p.topOf(ctx)
	if err != nil {
		return nil, err
	}
	chance := p.chanceOf(c.at, c.below, c.width)
	if c.ceiling < leastCeiling || c.above >= c.at || chance >= logAlpha {
		return p.wrapped(ctx, c.edges)
	}
	var pixels []int
	for i, is := range c.pixel {
		if is {
			pixels = append(pixels, i)
		}
	}
	if err := p.withoutClipped(ctx, pixels); err != nil {
		return nil, err
	}
	return []Finding{{
		ID: Clipped, Severity: Wrong, Pixels: p.coordinates(pixels), Frames: p.fileFrames(c.frames), LogChance: decimal(chance),
		What:     fmt.Sprintf("%s in %s and %s %s at the ceiling of %.9g counts: the detector was saturated", words.Of(int(c.at), "value"), words.Of(len(pixels), "pixel"), words.Of(len(c.frames), "frame"), words.Verb(int(c.at), "is", "are"), c.ceiling),
		Fix:      "save a mask with 0 at these pixels",
		Evidence: map[string]float64{"ceiling": c.ceiling, "at_ceiling": c.at, "just_below": c.below},
	}}, nil
}

// withoutClipped leaves clipped pixels out of the following tests, unless they are half of all, and measures the frames again.
func (p *profile) withoutClipped(ctx context.Context, pixels []int) error {
	if 2*len(pixels) > len(p.bad) {
		return nil
	}
	p.leaveOut(pixels)
	p.spoil(pixels)
	return p.survey(ctx)
}

// wrapped finds counts that reach the largest number of a type and stop there. With a values in the last 5 % of the range and b in the 5 %
// before, a tail that falls exponentially, as that of speckle, has a²/b in the 5 % above; that there are none has a chance of e^(−a²/b).
// Values that are cut reach the end of the range: the bright beam of a scan can end below it.
func (p *profile) wrapped(ctx context.Context, edges [][2]float64) ([]Finding, error) {
	largest := float64(slices.Max(p.most))
	for r, m := range ranges {
		a, b := edges[r][0], edges[r][1]
		if largest > m || largest <= (1-edge)*m || a < atCeiling || b == 0 || -a*a/b >= logAlpha {
			continue
		}
		if expected := a * min(1, a/b) * (m - largest) / (edge * m); expected > mostMissing {
			continue // the values end below the range by themselves
		}
		var pixels []int
		for i, most := range p.most {
			if !p.bad[i] && float64(most) > high*m {
				pixels = append(pixels, i)
			}
		}
		p.spoil(pixels)
		frames, err := p.wrappedFrames(ctx, m)
		if err != nil {
			return nil, err
		}
		return []Finding{{
			ID: Wrapped, Severity: Wrong, Frames: p.fileFrames(frames), LogChance: decimal(-a * a / b),
			What:     fmt.Sprintf("the counts reach %.9g, the largest number of their type, and stop there without falling off: larger ones wrapped around to small numbers", m),
			Fix:      "save the patterns in a larger type; wrapped counts cannot be repaired",
			Evidence: map[string]float64{"largest": m, "last_window": a, "window_before": b},
		}}, nil
	}
	return nil, nil
}

// mostMissing is the number of values that may lack between the largest count and the end of the range: that there are none where 7 are
// expected has a chance of e^−7.
const mostMissing = 7

// A wrapped value is below dropped of the range and touches one above high.
const dropped, high = 0.4, 0.75

// wrappedFrames returns the frames with a wrapped value.
func (p *profile) wrappedFrames(ctx context.Context, m float64) ([]int, error) {
	var frames []int
	err := p.each(ctx, func(j int, counts []float32) {
		for i, k := range counts {
			if p.bad[i] || float64(k) <= high*m {
				continue
			}
			low := false
			for _, q := range []int{i - p.N, i + p.N, i - 1, i + 1} {
				low = low || q >= 0 && q < len(counts) && (q/p.N == i/p.N || q%p.N == i%p.N) && !p.bad[q] && float64(counts[q]) < dropped*m
			}
			if low {
				frames = append(frames, j)
				return
			}
		}
	})
	return frames, err
}

const (
	// darkest is the part of the pixels, by their mean, whose spread shows an offset.
	darkest = 10
	// leastOffset is the least mean of the darkest pixels.
	leastOffset = 2
	// underdispersed is the ratio of variance and mean below which an offset is reported, beyond chance.
	underdispersed = 0.8
)

// offset finds a constant that was added to photons. Poisson counts have a variance of at least their mean, which objects only raise; a
// constant raises the mean alone. The chance is that of χ² of the darkest pixels, as a normal deviate.
func (p *profile) offset(ctx context.Context) ([]Finding, error) {
	order := p.counting()
	ascending(order, func(i int) float64 { return p.sum[i] })
	n := float64(p.used)
	if !p.whole {
		return nil, nil
	}
	order = order[:max(len(order)/darkest, min(len(order), 1))]
	if len(order) == 0 || n < fewestFrames || p.sum[order[0]]/n < leastOffset {
		return nil, nil
	}
	square := make([]float64, len(p.sum))
	least := make([]float64, len(p.sum))
	for _, i := range order {
		least[i] = math.Inf(1)
	}
	err := p.some(ctx, func(_ int, counts []float32) {
		for _, i := range order {
			d := float64(counts[i]) - p.sum[i]/n
			square[i] += d * d
			least[i] = min(least[i], float64(counts[i]))
		}
	})
	if err != nil {
		return nil, err
	}
	var chi, mean, variance, low float64
	for _, i := range order {
		chi += square[i] / (p.sum[i] / n)
		mean += p.sum[i] / n / float64(len(order))
		variance += square[i] / (n - 1) / float64(len(order))
	}
	for _, i := range order {
		if least[i] < mean/2 {
			low++
		}
	}
	freedom := (n - 1) * float64(len(order))
	z := (chi - freedom) / math.Sqrt(2*freedom)
	if z > 0 || chi > underdispersed*freedom || -z*z/2 > logAlpha || low > mostLone*float64(len(order)) {
		return nil, nil
	}
	p.base = math.Round(mean - variance)
	return []Finding{{
		ID: Offset, Severity: Wrong, LogChance: decimal(-z * z / 2),
		What:     fmt.Sprintf("the darkest pixels have %.4g counts with a variance of only %.3g: about %.4g of them are not photons but a constant", mean, variance, mean-variance),
		Fix:      fmt.Sprintf("give --offset %.0f, or subtract it from the patterns", mean-variance),
		Evidence: map[string]float64{"mean": mean, "variance": variance, "offset": mean - variance},
	}}, nil
}

// counting returns the valid pixels with a count, without those of cosmic rays; nil if more are dark than can be dead pixels.
func (p *profile) counting() []int {
	var order []int
	dark, valid, struck := 0.0, 0.0, map[int]bool{}
	for r := range p.cosmic {
		struck[r[1]] = true
	}
	for i, s := range p.sum {
		switch {
		case p.bad[i], struck[i]:
			continue
		case s > 0:
			order = append(order, i)
		default:
			dark++ // a dead pixel
		}
		valid++
	}
	if dark > mostConstant*valid {
		return nil
	}
	return order
}
