package examine

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/sweep"
	"github.com/ptychogo/ptycho/internal/words"
)

const (
	// around is the number of neighbours that are compared, nearest that of those at distance h.
	around, nearest = 24, 4
	// Neighbours at 2h are between these multiples of h.
	twiceLeast, twiceMost = 1.8, 2.4
	// withinProbe is the largest distance relative to the probe's diameter.
	withinProbe = 0.5
	// shareAtHalf bounds γ(h)/γ(2h) of any object and probe at these distances; see surplus.
	shareAtHalf = 0.6
	// leastSpread is the relative spread of the exposure that is reported, wrongSpread the one that makes an image wrong.
	leastSpread, wrongSpread = 0.05, 0.2
)

// exposure finds frames whose counts change by more than their positions explain: by more than any object can cause (beyond), or by more
// than an object can cause whose effect on frames farther apart is known (surplus). Compared are 2√counts, whose photon noise is 1. A
// finding needs a mean of the frames that is beyond the chance of its standard error.
//
// A drift is also found from the differences alone, in a scan whose neighbours were measured at unrelated times; see drift.
func (p *profile) exposure(ctx context.Context) ([]Finding, error) {
	if p.Diameter <= 0 || p.found[Order] && p.lag == 0 { // frames at positions that are not theirs
		return nil, nil
	}
	e := p.exposures()
	if e == nil {
		return nil, nil
	}
	var surplus []float64
	for k := range e.near.of {
		if v, ok := e.surplus(k); ok {
			surplus = append(surplus, v)
		}
	}
	beyond, gain, err := []float64(nil), 0.0, error(nil)
	// Rounded positions look like a flicker, and the bound is that of the probe at the distances of the positions.
	if !p.found[SamePositions] && !p.found[WideProbe] && !p.found[PositionUnit] {
		if beyond, gain, err = p.beyond(ctx, e); err != nil {
			return nil, err
		}
	}
	spread, t := 0.0, 0.0
	for _, test := range []struct {
		values []float64
		gain   float64 // factor of a fluctuation in the sum of the values
	}{{surplus, (1 - shareAtHalf) * float64(len(surplus))}, {beyond, gain}} {
		s := math.Sqrt(max(sum(test.values), 0) / max(test.gain, 1) / max(e.mean, 1))
		if errors, is := exceeds(test.values); is && s >= leastSpread {
			spread, t = max(spread, s), max(t, errors)
		}
	}
	drift, driftError := drift(e)
	drifts := math.Abs(driftError) >= surely && math.Abs(drift) > leastSpread
	if spread == 0 && !drifts {
		return nil, nil
	}
	f := p.exposureFinding(e, spread, drift, drifts)
	f.Evidence = map[string]float64{"relative_spread": spread, "standard_errors": max(t, math.Abs(driftError)), "change_over_scan": drift}
	return []Finding{f}, nil
}

func sum(values []float64) float64 {
	s := 0.0
	for _, v := range values {
		s += v
	}
	return s
}

// exposures are the counts of the examined frames that are not left out, and where they belong.
type exposures struct {
	order      []int // [m] index in p.at
	rows, cols []float64
	root       []float64 // 2√counts
	near       *places
	mean       float64 // counts of a frame, in units
	diameter   float64 // of the probe
}

// exposures returns the frames at their positions, at the right ones if the frames are late; nil if there are none to compare.
func (p *profile) exposures() *exposures {
	e := &exposures{diameter: p.Diameter}
	unit, base := float64(max(p.unit, 1)), -sweep.Brightest*p.base // the totals are without these
	for _, bad := range p.bad {
		if !bad {
			base += p.base
		}
	}
	for j, i := range p.at {
		at := i - p.lag
		if p.out[j] || at < 0 || at >= len(p.Rows) {
			continue
		}
		e.order = append(e.order, j)
		e.rows, e.cols = append(e.rows, p.Rows[at]), append(e.cols, p.Cols[at])
		photons := max(p.Total[j]-base, 0) / unit
		e.root = append(e.root, 2*math.Sqrt(photons+0.375)) // Anscombe
		e.mean += photons
	}
	if len(e.order) == 0 {
		return nil
	}
	e.mean /= float64(len(e.order))
	if e.near = p.around(); len(e.order) != len(p.Rows) {
		e.near = placesOf(e.rows, e.cols)
	}
	if e.near == nil {
		return nil
	}
	return e
}

// surplus returns γ(h) − 0.6·γ(2h) for the frame j of the k-th neighbours, without photon noise: h is the mean distance of its four nearest neighbours at other
// positions, γ half the mean squared difference.
//
// For a disk-shaped probe with a sharp edge and an object without any smoothness γ is the area that is not shared by the disks, and γ(h) is
// at most 0.52·γ(2h) for 2h up to half the diameter; everything smoother is lower. A fluctuation in time adds the same to both. So
// the result is positive only with a fluctuation above that of photons.
func (e *exposures) surplus(k int) (float64, bool) {
	j, rows, cols, root := e.near.of[k], e.rows, e.cols, e.root
	var gamma, count [2]float64
	h := 0.0
	for _, o := range e.near.near[k] {
		d := math.Hypot(rows[j]-rows[o], cols[j]-cols[o])
		ring := 0
		switch {
		case d == 0:
			continue
		case count[0] < nearest:
			h += d / nearest
		case d >= twiceLeast*h && d <= twiceMost*h && d <= withinProbe*e.diameter:
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
func (p *profile) exposureFinding(e *exposures, spread, drift float64, drifts bool) Finding {
	order, near := e.order, e.near.with(len(e.order)).near
	var low []int
	var ratios []float64
	for k, others := range near {
		var counts []float64
		for _, o := range others {
			counts = append(counts, p.Total[order[o]])
		}
		slices.Sort(counts)
		if factor := p.Total[order[k]] / max(counts[int(brightQuantile*float64(len(counts)))], 1); factor < dim {
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
