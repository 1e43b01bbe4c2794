package examine

import (
	"context"
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/sweep"
	"github.com/ptychogo/ptycho/internal/words"
)

const (
	// excessBins of excessWidth hold the histogram of the logarithm of a value over its reference.
	excessBins, excessWidth = 600, 0.05
	// The tail is extrapolated from these two shares of all values. Cosmic rays are fewer than the second.
	tailStart, tailNext = 1e-2, 1e-3
	// cosmicRoom is the factor by which a pixel's mean may exceed its reference for the Poisson bound.
	cosmicRoom = 2
	// darkCounts is the least reference, in counts: below it photon noise alone makes a long tail.
	darkCounts = 3
)

// singles finds cosmic rays: a value in one frame that is far above both the pixels around it in the frame and its pixel in all other
// frames.
//
// The excess of a value is its ratio to the largest of its eight neighbours, its pixel's mean in the other frames, and three counts. The
// scan's own excesses give the test: their tail, from a hundredth to a thousandth of the values, is continued as a power law, which falls
// more slowly than the exponential tail of speckle, to Alpha over the number of values. A finding is beyond that and, with twice the
// reference as mean, also beyond Poisson noise.
func (p *profile) singles(ctx context.Context) ([]Finding, error) {
	values := p.values(len(p.lit()))
	if values == 0 {
		return nil, nil
	}
	return p.rays(ctx, p.factors(values), values)
}

// values returns the number of valid values of some frames.
func (p *profile) values(frames int) float64 {
	valid := 0
	for _, bad := range p.bad {
		if !bad {
			valid++
		}
	}
	return float64(valid) * float64(frames)
}

// tails are histograms of excesses, for each group of pixels.
type tails struct {
	groups
	counts [][excessBins]float64
	frames int // measured
}

// tailValues bounds the values whose excesses are measured. They are of at least fewestSlow frames, where there are as many.
const tailValues = 1 << 21

// excessTails measures the excesses of some of the few frames.
func (p *profile) excessTails(ctx context.Context) error {
	var lit []int
	for j, is := range p.few {
		if is && !p.out[j] {
			lit = append(lit, j)
		}
	}
	measured := make([]bool, len(p.few))
	lit = scan.Thin(lit, max(fewestSlow, tailValues/len(p.sum)))
	for _, j := range lit {
		measured[j] = true
	}
	p.tails = &tails{groups: p.brightness(len(lit)), frames: len(lit)}
	p.tails.counts = make([][excessBins]float64, len(p.tails.pixels))
	one := make([]float64, len(p.sum))
	for i := range one {
		one[i] = 1
	}
	least, hits := p.thresholds(one), sweep.Hits(len(one))
	return p.those(ctx, func(j int) bool { return measured[j] }, func(_ int, counts []float32) {
		p.excesses(counts, sweep.Above(counts, least, hits), one, true, func(i int, log, _ float64) { p.tails.counts[p.tails.of[i]][min(int(log/excessWidth), excessBins-1)]++ })
	})
}

// factors returns, for each pixel, the excess that none of a number of values has without a cosmic ray.
func (p *profile) factors(values float64) []float64 {
	limits := make([]float64, len(p.tails.counts))
	for g := range limits {
		limits[g] = tailLimit(p.tails.counts[g][:], p.tails.pixels[g]*float64(p.tails.frames), values)
	}
	factor := make([]float64, len(p.sum))
	for i := range factor {
		factor[i] = math.Exp(limits[p.tails.of[i]])
	}
	return factor
}

// rays finds the values of all frames whose excess is above the factor of their pixel.
func (p *profile) rays(ctx context.Context, factor []float64, values float64) ([]Finding, error) {
	suspects, least, hits := p.suspects(factor), p.thresholds(factor), sweep.Hits(len(factor))
	var pixels, frames []int
	var rays [][2]int
	chance := math.Inf(-1)
	err := p.those(ctx, func(j int) bool { return suspects[j] }, func(j int, counts []float32) {
		hit := false
		p.excesses(counts, sweep.Above(counts, least, hits), factor, p.few[j], func(i int, log, reference float64) {
			unit := float64(max(p.unit, 1))
			c := math.Log(values) + poissonChance(float64(counts[i])/unit, cosmicRoom*reference/unit)
			if c >= logAlpha {
				return
			}
			chance = max(chance, c)
			rays, hit = append(rays, [2]int{j, i}), true
			pixels = append(pixels, i)
		})
		if hit {
			frames = append(frames, j)
		}
	})
	if err != nil || len(rays) == 0 {
		return nil, err
	}
	single := make([][3]int, len(rays))
	for k, r := range rays {
		p.cosmic[r] = true
		single[k] = [3]int{p.fileFrames(r[:1])[0], r[1] / p.N, r[1] % p.N}
	}
	if err := p.sums(ctx); err != nil {
		return nil, err
	}
	for _, i := range pixels {
		p.most[i] = p.high[i]
	}
	return []Finding{{
		ID: Cosmic, Severity: Warning, LogChance: decimal(max(chance, logAlpha-math.Ln10)), Pixels: p.coordinates(pixels), Frames: p.fileFrames(frames), Values: single,
		What:     fmt.Sprintf("%s in %s %s far above the pixels around and the same pixel in other frames: cosmic rays or electronic noise", words.Of(len(rays), "value"), words.Of(len(frames), "frame"), words.Verb(len(rays), "is", "are")),
		Fix:      "leave these frames out with --rows",
		Evidence: map[string]float64{"values": float64(len(rays))},
	}}, nil
}

// groups are pixels of similar brightness: dark pixels scatter more, relative to their mean, than bright ones.
type groups struct {
	of     []int     // [N·N] group of a pixel
	pixels []float64 // in each group
}

// Each group spans a factor of 4 in the mean, and has at least groupLeast values; a smaller one joins the next darker.
const groupFactor, groupLeast = 4, 1e4

// brightness returns the groups for so many frames.
func (p *profile) brightness(frames int) groups {
	g := groups{of: make([]int, len(p.sum)), pixels: []float64{0}}
	var order []int
	for i := range p.sum {
		if !p.bad[i] {
			order = append(order, i)
		}
	}
	// Without the brightest frame, so that a cosmic ray does not move its pixel to a brighter group.
	rest := func(i int) float64 { return p.sum[i] - float64(p.high[i]) }
	ascending(order, rest)
	edge := 0.0
	for k, i := range order {
		mean := rest(i) / float64(max(p.used, 1)) / float64(max(p.unit, 1))
		last := len(g.pixels) - 1
		if k == 0 {
			edge = groupFactor * max(mean, 1)
		}
		if enough := groupLeast / float64(max(frames, 1)); mean > edge && g.pixels[last] >= enough && float64(len(order)-k) >= enough {
			g.pixels = append(g.pixels, 0)
			last, edge = last+1, groupFactor*mean
		}
		g.of[i] = last
		g.pixels[last]++
	}
	return g
}

// tailLimit returns the logarithm of the excess that one of all values, in all groups, has with a chance of Alpha. The tail is that of
// the members of a group.
func tailLimit(tail []float64, members, all float64) float64 {
	at := func(share float64) float64 {
		above := 0.0
		for b := len(tail) - 1; b >= 0; b-- {
			if above += tail[b]; above > share*members {
				return float64(b+1) * excessWidth
			}
		}
		return 0
	}
	start, next := at(tailStart), at(tailNext)
	return next + max(next-start, 2*excessWidth)*math.Log10(tailNext*all/Alpha)
}

// thresholds returns, for every pixel, a value that is at most the least one whose excess is above a factor; bad pixels have none. Of a
// value v that is part of the pixel's sum S of n frames, v > f·(S − v)/(n − 1) is v > f·S/(n − 1 + f).
func (p *profile) thresholds(factor []float64) []float32 {
	floor, others := darkCounts*float64(max(p.unit, 1)), float64(max(p.used-1, 1))
	out := make([]float32, len(p.sum))
	for i, f := range factor {
		out[i] = float32(max(f*floor, f*p.sum[i]/(others+f)) * (1 - 1e-6))
		if p.bad[i] {
			out[i] = math.MaxFloat32
		}
	}
	return out
}

// excesses calls visit for the hits above factor, at least 1, times their reference, with the logarithm of the ratio. Within says that the
// frame is part of the sums.
func (p *profile) excesses(counts []float32, hits []sweep.Hit, factor []float64, within bool, visit func(i int, log, reference float64)) {
	floor := darkCounts * float64(max(p.unit, 1))
	others := float64(max(p.used-1, 1))
	sweep.Each(hits, 1, func(i int) {
		v := float64(counts[i])
		reference := max((p.sum[i]-v)/others, floor)
		if !within {
			reference = max(p.sum[i]/(others+1), floor)
		}
		if v <= factor[i]*reference {
			return
		}
		reference = max(reference, float64(sweep.BrightestNear(counts, p.bad, p.N, i, counts[i])))
		if v > factor[i]*reference {
			visit(i, math.Log(v/reference), reference)
		}
	})
}

// sums adds the few frames that are not left out, without cosmic rays.
func (p *profile) sums(ctx context.Context) error {
	if err := p.units(ctx); err != nil {
		return err
	}
	if p.used == p.fewAll && len(p.cosmic) == 0 { // the sums of the first pass
		for i, bad := range p.bad {
			if p.sum[i], p.high[i] = p.all[i], p.highest[i]; bad {
				p.sum[i], p.high[i] = 0, 0
			}
		}
		return nil
	}
	clear(p.sum)
	clear(p.high)
	return p.some(ctx, func(j int, counts []float32) {
		for i, k := range counts {
			if p.bad[i] || len(p.cosmic) > 0 && p.cosmic[[2]int{j, i}] {
				continue
			}
			p.sum[i] += float64(k)
			p.high[i] = max(p.high[i], k)
		}
	})
}

// units finds the largest common divisor of the counts of the few frames that are not left out. Most scans show after a few counts that it is 1.
func (p *profile) units(ctx context.Context) error {
	unit := 0
	done := func(j int) bool { return p.few[j] && unit != 1 && unit >= 0 }
	err := p.those(ctx, done, func(j int, counts []float32) {
		for i, k := range counts {
			if k == 0 || p.bad[i] || len(p.cosmic) > 0 && p.cosmic[[2]int{j, i}] {
				continue
			}
			if unit = divisor(unit, k); unit == 1 || unit < 0 {
				return
			}
		}
	})
	p.unit, p.whole = max(unit, 0), unit >= 0
	return err
}

// divisor returns the greatest common divisor of unit and k, −1 if k is not a whole number. Above 2²⁴ float32 rounds.
func divisor(unit int, k float32) int {
	switch {
	case k >= 1<<24:
		return unit
	case k != float32(int32(k)):
		return -1
	}
	a, b := unit, int(k)
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// struck returns the pixels of cosmic rays of each frame that has some.
func (p *profile) struck() map[int][]int {
	all := map[int][]int{}
	for r := range p.cosmic {
		all[r[0]] = append(all[r[0]], r[1])
	}
	return all
}
