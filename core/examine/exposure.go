package examine

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/words"
)

const (
	// around is the number of neighbours that are compared, nearest that of those at distance h.
	around, nearest = 24, 4
	// Neighbours at 2h are between these multiples of h.
	twiceLeast, twiceMost = 1.8, 2.4
	// withinProbe is the largest distance relative to the probe's diameter.
	withinProbe = 0.5
	// shareAtHalf bounds γ(h)/γ(2h) of any object and probe at these distances; see exposure.
	shareAtHalf = 0.6
	// leastSpread is the relative spread of the exposure that is reported, wrongSpread the one that makes an image wrong.
	leastSpread, wrongSpread = 0.05, 0.2
)

// exposure finds frames whose counts change by more than their positions explain.
//
// The counts of a frame are the object's transmission averaged over the probe: half the mean squared difference γ of two frames grows with
// their distance h. For a disk-shaped probe with a sharp edge and an object without any smoothness γ is the area that is not shared by
// the disks, and γ(h) is at most 0.52·γ(2h) for 2h up to half the diameter; everything smoother is lower. A fluctuation in time adds the
// same to both. So γ(h) − 0.6·γ(2h) is positive only with a fluctuation above that of photons. The differences are of 2√counts, whose
// photon noise is 1. The finding needs seven standard errors of the mean of 20 parts of the scan.
//
// A drift is also found from the differences alone, in a scan whose neighbours were measured at unrelated times; see drift.
func (p *profile) exposure(context.Context) ([]Finding, error) {
	if p.Diameter <= 0 || p.found[Order] { // frames at wrong positions look like a flicker
		return nil, nil
	}
	var order []int // examined frames that are not left out
	var rows, cols, root []float64
	unit := float64(max(p.unit, 1))
	mean := 0.0
	for j, i := range p.at {
		if !p.out[j] {
			order = append(order, j)
			rows, cols = append(rows, p.Rows[i]), append(cols, p.Cols[i])
			root = append(root, 2*math.Sqrt(max(p.total[j], 0)/unit+0.375)) // Anscombe
			mean += p.total[j] / unit
		}
	}
	mean /= float64(max(len(order), 1))
	near, err := p.near24(), error(nil)
	if len(order) != len(p.Rows) {
		near, err = scan.Neighbours(rows, cols, around)
	}
	if err != nil || near == nil {
		return nil, nil //nolint:nilerr // positions without neighbours have no exposure to compare
	}
	var surplus []float64
	for j, others := range near {
		if v, ok := p.surplus(rows, cols, root, j, others); ok {
			surplus = append(surplus, v)
		}
	}
	t := meanOverError(surplus)
	drift, driftError := p.drift(order, near, root)
	variance := 0.0
	for _, v := range surplus {
		variance += v / float64(len(surplus)) / (1 - shareAtHalf)
	}
	spread := math.Sqrt(max(variance, 0) / max(mean, 1))
	drifts := math.Abs(driftError) >= surely && math.Abs(drift) > leastSpread
	if (t < surely || spread < leastSpread) && !drifts {
		return nil, nil
	}
	f := p.exposureFinding(order, near, spread, drift, drifts)
	f.Evidence = map[string]float64{"relative_spread": spread, "standard_errors": max(t, math.Abs(driftError)), "change_over_scan": drift}
	return []Finding{f}, nil
}

// surplus returns γ(h) − 0.6·γ(2h) for frame j, without photon noise: h is the mean distance of its four nearest neighbours at other
// positions.
func (p *profile) surplus(rows, cols, root []float64, j int, others []int32) (float64, bool) {
	var gamma, count [2]float64
	h := 0.0
	for _, o := range others {
		d := math.Hypot(rows[j]-rows[o], cols[j]-cols[o])
		ring := 0
		switch {
		case d == 0:
			continue
		case count[0] < nearest:
			h += d / nearest
		case d >= twiceLeast*h && d <= twiceMost*h && d <= withinProbe*p.Diameter:
			ring = 1
		default:
			continue
		}
		difference := root[j] - root[o]
		gamma[ring] += difference*difference/2 - 1
		count[ring]++
	}
	if count[1] == 0 {
		return 0, false
	}
	return gamma[0]/count[0] - shareAtHalf*gamma[1]/count[1], true
}

const (
	// brightQuantile is the quantile of the neighbours' counts to which a frame is compared.
	brightQuantile = 0.75
	// A frame of another exposure has less than half of that.
	dim = 0.5
	// dimLeast is the share of such frames that make a change of exposure rather than an exception.
	dimLeast = 0.01
)

// exposureFinding describes the change: frames with a lower exposure, a drift, or a flicker.
func (p *profile) exposureFinding(order []int, near [][]int32, spread, drift float64, drifts bool) Finding {
	var low []int
	var ratios []float64
	for k, others := range near {
		var counts []float64
		for _, o := range others {
			counts = append(counts, p.total[order[o]])
		}
		slices.Sort(counts)
		if factor := p.total[order[k]] / max(counts[int(brightQuantile*float64(len(counts)))], 1); factor < dim {
			low = append(low, order[k])
			ratios = append(ratios, factor)
		}
	}
	f := Finding{
		ID: Exposure, Severity: Warning, LogChance: decimal(logAlpha - math.Ln10), Fix: "divide the patterns by the exposure of each frame before they are rounded, or leave frames out with --rows",
	}
	if spread > wrongSpread || drifts && math.Abs(drift) > wrongSpread {
		f.Severity = Wrong
	}
	switch {
	case float64(len(low)) > dimLeast*float64(len(order)) && !drifts:
		f.Frames = p.fileFrames(low)
		f.What = fmt.Sprintf("%s about %.2g of the counts of the frames around, the first is frame %s: the exposure changes", has(len(low), "frame"), median(ratios), p.name(low))
	case drifts:
		f.Frames = p.fileFrames(order)
		f.What = fmt.Sprintf("the exposure drifts: relative to the frames around the counts change by %+.0f %% from the first to the last of %s", 100*drift, words.Of(len(order), "frame"))
	default:
		f.Frames = p.fileFrames(order)
		f.What = fmt.Sprintf("the exposure flickers: the counts of neighbouring frames differ by %.0f %% more than positions and photon noise explain", 100*spread)
	}
	return f
}
