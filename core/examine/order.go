package examine

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/scan"
)

const (
	// mostLag is the largest shift that is tried, in frames.
	mostLag = 8
	// lagPairs bounds the number of pairs that are compared.
	lagPairs = 400
	// lagValues bounds the values of one shift of the pairs, fewestPairs is the least number nevertheless.
	lagValues, fewestPairs = 1 << 22, 100
	// lagPixels is the number of pixels that are compared, the brightest; screenPixels that of the first pairs.
	lagPixels, screenPixels = 4096, 1024
	// aloneInTime is the least distance of a pair in frames: nearer ones stay neighbours when the order is shifted.
	aloneInTime = 16
	// lagBetter is the ratio of differences below which an order is better. Where firstPairs pairs show none below perhapsBetter, others are
	// not compared.
	lagBetter, perhapsBetter, firstPairs = 0.9, 0.96, 40
)

// order finds frames that do not belong to their positions: late ones, where frame i belongs to position i − lag, in the whole scan or from a
// frame on; lines that were measured in the other direction; a reversed scan. Pairs of neighbouring positions that were not measured one
// after the other have similar patterns. With the wrong order they have not, and with the right one they have. An order is reported if it lowers the mean difference by a tenth and seven standard errors of 20 parts of the scan.
func (p *profile) order(ctx context.Context) ([]Finding, error) {
	n := p.Patterns.Len()
	near := p.around()
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
	for k, i := range near.of {
		for _, o := range near.near[k] {
			if abs(int(o)-i) >= aloneInTime {
				pairs = append(pairs, [2]int{i, int(o)})
				break
			}
		}
	}
	pairs = slices.DeleteFunc(pairs, func(k [2]int) bool {
		i, o := k[0], k[1]
		return min(i, o) < mostLag || max(i, o) >= n-mostLag || !goodAround(good, i) || !goodAround(good, o)
	})
	pairs = thinPairs(pairs, max(fewestPairs, min(lagPairs, lagValues/(p.N*p.N))))
	orders := p.orders()
	differences, err := p.comparison(screenPixels).differences(ctx, thinPairs(pairs, firstPairs), orders, good)
	if err != nil || len(pairs) > firstPairs && !mayBeOther(differences) {
		return nil, err
	}
	if differences, err = p.comparison(lagPixels).differences(ctx, pairs, orders, good); err != nil {
		return nil, err
	}
	best, found := orderFinding(orders, differences)
	if found != nil {
		p.lag = orders[best].lag
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

// differences compares pairs of frames in each order. A pair without its frames in an order has the difference that it has as it is.
func (c *comparison) differences(ctx context.Context, pairs [][2]int, orders []ordering, good []bool) ([][]float64, error) {
	differences := make([][]float64, len(orders))
	for _, k := range pairs {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		c.forget()
		now := c.difference(k[0], k[1])
		for at, o := range orders {
			a, b, d := o.frame(k[0]), o.frame(k[1]), now
			if inside := a >= 0 && b >= 0 && a < len(good) && b < len(good); inside && good[a] && good[b] && (a != k[0] || b != k[1]) {
				d = c.difference(a, b)
			}
			differences[at] = append(differences[at], d)
		}
	}
	return differences, nil
}

// mayBeOther reports whether an order lowers the mean difference enough that more pairs are worth comparing.
func mayBeOther(differences [][]float64) bool {
	now := differences[0]
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

// orderFinding compares the orders with the first, which is that of the file.
func orderFinding(orders []ordering, differences [][]float64) (best int, found []Finding) {
	now := differences[0]
	if len(now) == 0 {
		return 0, nil
	}
	least := mean(now)
	for c := range orders {
		if m := mean(differences[c]); m < least {
			best, least = c, m
		}
	}
	if best == 0 || least > lagBetter*mean(now) {
		return 0, nil
	}
	gain := make([]float64, len(now))
	for k := range gain {
		gain[k] = now[k] - differences[best][k]
	}
	t := meanOverError(gain)
	if t < surely {
		return 0, nil
	}
	o := orders[best]
	return best, []Finding{{
		ID: Order, Severity: Wrong, LogChance: decimal(logAlpha - math.Ln10),
		What:     fmt.Sprintf("%s: in the right order neighbouring positions have patterns that differ by %.3f instead of %.3f", o.what, least, mean(now)),
		Fix:      "save them in the right order: " + o.fix,
		Evidence: map[string]float64{"lag": float64(o.lag), "from": float64(o.from), "difference": mean(now), "difference_ordered": least, "standard_errors": t},
	}}
}
