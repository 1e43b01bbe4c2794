package examine

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/words"
)

const (
	// mostLag is the largest shift that is tried, in frames.
	mostLag = 8
	// lagPairs bounds the number of pairs that are compared.
	lagPairs = 400
	// lagValues bounds the values of one shift of the pairs, fewestPairs is the least number nevertheless.
	lagValues, fewestPairs = 1 << 22, 100
	// lagPixels is the number of pixels that are compared, the brightest.
	lagPixels = 4096
	// aloneInTime is the least distance of a pair in frames: nearer ones stay neighbours when the order is shifted.
	aloneInTime = 16
	// lagBetter is the ratio of differences below which a shift is better. Where firstPairs pairs show no shift below perhapsBetter, others are
	// not compared.
	lagBetter, perhapsBetter, firstPairs = 0.9, 0.96, 48
)

// order finds frames that are late: frame i belongs to position i − lag. Pairs of neighbouring positions that were not measured one after
// the other have similar patterns. With the wrong order they have not, and with the shift that corrects it they have. The difference of a
// pair is 1 − Σ√(ab)/√(Σa·Σb). A shift is reported if it lowers the mean difference by a tenth and seven standard errors of 20 parts of the
// scan.
func (p *profile) order(ctx context.Context) ([]Finding, error) {
	n := p.Patterns.Len()
	near := p.near24()
	if near == nil {
		return nil, nil
	}
	good := make([]bool, n)
	for i := range good {
		good[i] = true
	}
	for j, i := range p.at {
		good[i] = !p.out[j]
	}
	var pairs [][2]int
	for i, others := range near {
		for _, o := range others {
			if abs(int(o)-i) >= aloneInTime {
				pairs = append(pairs, [2]int{i, int(o)})
				break
			}
		}
	}
	p.brightPixels()
	p.struck = map[int][]int{}
	for r := range p.cosmic {
		p.struck[p.at[r[0]]] = append(p.struck[p.at[r[0]]], r[1])
	}
	pairs = slices.DeleteFunc(pairs, func(k [2]int) bool {
		i, o := k[0], k[1]
		return min(i, o) < mostLag || max(i, o) >= n-mostLag || !goodAround(good, i) || !goodAround(good, o)
	})
	pairs = thinPairs(pairs, max(fewestPairs, min(lagPairs, lagValues/(p.N*p.N))))
	differences, err := p.lags(ctx, thinPairs(pairs, firstPairs))
	if err != nil || len(pairs) > firstPairs && !mayBeLate(differences) {
		return nil, err
	}
	if differences, err = p.lags(ctx, pairs); err != nil {
		return nil, err
	}
	found := lagFinding(differences)
	for _, f := range found {
		p.lag = int(f.Evidence["lag"])
	}
	return found, nil
}

// thinPairs returns at most n of the pairs, evenly spread.
func thinPairs(pairs [][2]int, n int) [][2]int {
	var out [][2]int
	for _, k := range scan.Thin(indices(len(pairs)), n) {
		out = append(out, pairs[k])
	}
	return out
}

// lags compares pairs of frames with each shift.
func (p *profile) lags(ctx context.Context, pairs [][2]int) ([][]float64, error) {
	differences := make([][]float64, 2*mostLag+1)
	for _, k := range pairs {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		for lag := -mostLag; lag <= mostLag; lag++ {
			differences[lag+mostLag] = append(differences[lag+mostLag], p.difference(k[0]+lag, k[1]+lag))
		}
	}
	return differences, nil
}

// mayBeLate reports whether a shift lowers the mean difference enough that more pairs are worth comparing.
func mayBeLate(differences [][]float64) bool {
	now := differences[mostLag]
	return slices.ContainsFunc(differences, func(d []float64) bool {
		gain := make([]float64, len(now))
		for k := range gain {
			gain[k] = now[k] - d[k]
		}
		return mean(d) < perhapsBetter*mean(now) && mean(gain) > math.Sqrt(variance(gain)/float64(len(gain)))
	})
}

func mean(v []float64) float64 {
	s := 0.0
	for _, d := range v {
		s += d / float64(len(v))
	}
	return s
}

func goodAround(good []bool, i int) bool {
	for k := i - mostLag; k <= i+mostLag; k++ {
		if !good[k] {
			return false
		}
	}
	return true
}

// brightPixels chooses the pixels that difference compares.
func (p *profile) brightPixels() {
	p.bright = p.bright[:0]
	for i := range p.sum {
		if !p.bad[i] && p.sum[i] > 0 {
			p.bright = append(p.bright, i)
		}
	}
	slices.SortStableFunc(p.bright, func(a, b int) int { return cmp.Compare(p.sum[b], p.sum[a]) })
	p.bright = p.bright[:min(len(p.bright), lagPixels)]
	slices.Sort(p.bright)
}

// difference compares two frames.
func (p *profile) difference(i, o int) float64 {
	p.scratch = append(p.scratch[:0], p.Patterns.Pattern(i)...)
	other := p.Patterns.Pattern(o)
	for _, q := range p.struck[i] {
		p.scratch[q] = 0
	}
	rays := p.struck[o]
	var a, b, both float64
	for _, q := range p.bright {
		if len(rays) > 0 && slices.Contains(rays, q) {
			continue
		}
		x, y := float64(p.scratch[q]), float64(other[q])
		a, b, both = a+x, b+y, both+math.Sqrt(max(x*y, 0))
	}
	if a <= 0 || b <= 0 {
		return 1
	}
	return 1 - both/math.Sqrt(a*b)
}

// lagFinding compares the shifts with none.
func lagFinding(differences [][]float64) []Finding {
	now := differences[mostLag]
	if len(now) == 0 {
		return nil
	}
	best, least := 0, mean(now)
	for lag := -mostLag; lag <= mostLag; lag++ {
		if m := mean(differences[lag+mostLag]); m < least {
			best, least = lag, m
		}
	}
	if best == 0 || least > lagBetter*mean(now) {
		return nil
	}
	gain := make([]float64, len(now))
	for k := range gain {
		gain[k] = now[k] - differences[best+mostLag][k]
	}
	t := meanOverError(gain)
	if t < surely {
		return nil
	}
	late, fix := "late", fmt.Sprintf("patterns[%d:] belong to positions[:-%d]", best, best)
	if best < 0 {
		late, fix = "early", fmt.Sprintf("patterns[:-%d] belong to positions[%d:]", -best, -best)
	}
	return []Finding{{
		ID: Order, Severity: Wrong, LogChance: decimal(logAlpha - math.Ln10),
		What:     fmt.Sprintf("the patterns are %s %s: with that shift neighbouring positions have patterns that differ by %.3f instead of %.3f", words.Of(abs(best), "frame"), late, least, mean(now)),
		Fix:      "save them in the right order: " + fix,
		Evidence: map[string]float64{"lag": float64(best), "difference": mean(now), "difference_shifted": least, "standard_errors": t},
	}}
}
