package examine

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/sweep"
	"github.com/ptychogo/ptycho/internal/words"
)

const (
	// A frame is examined as empty or too bright if it has a twentieth or twenty times the median of the counts.
	outlying = 20
	// It is one if it is also beyond four times the extreme of all other frames: an object that absorbs nearly everything somewhere has
	// frames between.
	apart = 4
)

// frames finds empty frames, frames that are far too bright, and frames that occur twice.
//
// A frame is empty if it has fewer counts than a Poisson number of a quarter of the mean of the darkest frame that is not in question can
// have, or several are as dark as so many can be by chance only. It is too bright by the same comparison with four times the brightest.
//
// One pass over all frames measures them, unless that was done when they were read. It is repeated without frames that are too bright: the
// largest counts of the pixels are then others.
func (p *profile) frames(ctx context.Context) ([]Finding, error) {
	if !p.surveyed() {
		if err := p.survey(ctx); err != nil {
			return nil, err
		}
	}
	o := p.outliers(indices(len(p.at)))
	p.leave(o)
	if err := p.measure(ctx); err != nil {
		return nil, err
	}
	found := p.outlierFindings(o)
	if len(o.bright) == 0 {
		return found, nil
	}
	return found, p.survey(ctx)
}

// surveyed takes the pass that was made when the patterns were written, if no pixel with a count has been left out since.
func (p *profile) surveyed() bool {
	r, ok := p.Patterns.(stored)
	if !ok {
		return false
	}
	all := r.Measured()
	if all == nil || len(all.Sum) != len(p.at) {
		return false
	}
	for i, most := range all.Most {
		if p.bad[i] && most > 0 {
			return false
		}
	}
	take(p, all)
	return true
}

// measure adds the few frames that are not left out, and measures the tails of their values.
func (p *profile) measure(ctx context.Context) error {
	if err := p.sums(ctx); err != nil {
		return err
	}
	return p.excessTails(ctx)
}

// outliers are frames that are empty or too bright.
type outliers struct {
	empty, bright             []int
	emptyChance, brightChance float64 // the largest of each
	middle, lowest, highest   float64 // median, and the extremes of the other frames
}

// frames returns both in order.
func (o outliers) frames() []int {
	all := slices.Concat(o.empty, o.bright)
	slices.Sort(all)
	return all
}

// outliers finds those of some frames by their totals.
func (p *profile) outliers(of []int) outliers {
	o := outliers{emptyChance: math.Inf(-1), brightChance: math.Inf(-1), lowest: math.Inf(1)}
	var lit []float64
	for _, j := range of {
		if t := p.Total[j]; t > 0 {
			lit = append(lit, t)
		}
	}
	if len(lit) == 0 {
		return o
	}
	o.middle = median(lit)
	for _, j := range of {
		if t := p.Total[j]; t > o.middle/outlying && t < o.middle*outlying {
			o.lowest, o.highest = min(o.lowest, t), max(o.highest, t)
		}
	}
	if math.IsInf(o.lowest, 1) {
		return o
	}
	many := math.Log(float64(len(p.at)))
	o.empty, o.emptyChance = p.darkest(of, min(o.middle/outlying, math.Nextafter(o.lowest/apart, 0)), o.lowest/apart)
	for _, j := range of {
		switch t := p.Total[j]; {
		case t >= o.middle*outlying && t > o.highest*apart && o.highest > 0:
			if c := many + poissonChance(t, o.highest*apart); c < logAlpha {
				o.bright, o.brightChance = append(o.bright, j), max(o.brightChance, c)
			}
		}
	}
	return o
}

// outlierFindings returns the findings that name outliers.
func (p *profile) outlierFindings(o outliers) []Finding {
	var found []Finding
	if n := len(o.empty); n > 0 {
		found = append(found, Finding{
			ID: Empty, Severity: Wrong, LogChance: decimal(o.emptyChance), Frames: p.fileFrames(o.empty), Evidence: map[string]float64{"darkest_other": o.lowest, "median": o.middle},
			What: fmt.Sprintf("%s hardly any counts, the first is frame %s; the median has %.4g", has(n, "frame"), p.name(o.empty), o.middle), Fix: "leave them out with --rows",
		})
	}
	if n := len(o.bright); n > 0 {
		found = append(found, Finding{
			ID: Bright, Severity: Wrong, LogChance: decimal(o.brightChance), Frames: p.fileFrames(o.bright), Evidence: map[string]float64{"brightest_other": o.highest, "median": o.middle},
			What: fmt.Sprintf("%s more than %d times the counts of the median frame, the first is frame %s", has(n, "frame"), outlying, p.name(o.bright)), Fix: "leave them out with --rows",
		})
	}
	return found
}

// leave leaves outliers out of the following tests.
func (p *profile) leave(o outliers) {
	for _, j := range o.frames() {
		p.out[j] = true
		if p.few[j] {
			p.used--
		}
	}
}

// name returns the row in the file of the first of some examined frames.
func (p *profile) name(of []int) string {
	if len(of) == 0 {
		return ""
	}
	return fmt.Sprint(p.fileFrames(of[:1])[0])
}

func median(v []float64) float64 {
	return scan.Median(slices.Clone(v))
}

// repeated finds frames that equal an earlier one. Independent Poisson frames are equal with a chance of Π P(K₁ = K₂) over the pixels;
// low-dose frames can be equal by chance.
func (p *profile) repeated() []Finding {
	same := 2 * math.Log(float64(len(p.at)))
	for i, s := range p.sum {
		if !p.bad[i] {
			same += sameChance(s / float64(p.used) / float64(max(p.unit, 1)))
		}
	}
	if same >= logAlpha || !p.whole {
		return nil
	}
	again := p.equalFrames()
	if len(again) == 0 {
		return nil
	}
	return []Finding{{
		ID: Duplicates, Severity: Warning, LogChance: decimal(same), Frames: p.fileFrames(again),
		What: fmt.Sprintf("%s %s an earlier frame in every pixel, the first is frame %s", words.Of(len(again), "frame"), words.Verb(len(again), "equals", "equal"), p.name(again)),
		Fix:  "leave the repeated frames out with --rows, or save the scan again",
	}}
}

// mostAlike bounds the frames of one hash to which a frame is compared.
const mostAlike = 4

// equalFrames returns the frames that equal an earlier one.
func (p *profile) equalFrames() []int {
	alike := map[uint64][]int{}
	var again []int
	for j, h := range p.Hash {
		if p.out[j] {
			continue
		}
		if slices.ContainsFunc(alike[h], func(first int) bool { return p.equal(first, j) }) {
			again = append(again, j)
		} else if len(alike[h]) < mostAlike {
			alike[h] = append(alike[h], j)
		}
	}
	return again
}

// equal compares two frames in every pixel.
func (p *profile) equal(a, b int) bool {
	p.scratch = append(p.scratch[:0], p.Patterns.Pattern(p.at[a])...)
	return slices.Equal(p.scratch, p.Patterns.Pattern(p.at[b]))
}

// darkest returns the frames, of some, with at most so many counts that photon noise of the mean does not explain their number, and the chance of
// that: k of n frames are as dark as the brightest of them with a chance of at most (n·P)^k/k!.
func (p *profile) darkest(of []int, most, mean float64) (empty []int, chance float64) {
	var dark []int
	for _, j := range of {
		if p.Total[j] <= most {
			dark = append(dark, j)
		}
	}
	ascending(dark, func(j int) float64 { return p.Total[j] })
	sure, chance := 0, math.Inf(-1)
	for k, j := range dark {
		n := float64(k + 1)
		many, _ := math.Lgamma(n + 1)
		if c := n*(math.Log(float64(len(p.at)))+poissonChance(p.Total[j], mean)) - many; c < logAlpha {
			sure, chance = k+1, c
		}
	}
	empty = dark[:sure]
	slices.Sort(empty)
	return empty, chance
}

// outliersAbove finds and leaves out frames by their totals above a constant that was added to all counts.
func (p *profile) outliersAbove(ctx context.Context, base float64) ([]Finding, error) {
	pixels, totals := -float64(sweep.Brightest), p.Total
	for _, bad := range p.bad {
		if !bad {
			pixels++
		}
	}
	p.Total = slices.Clone(totals)
	for j := range p.Total {
		p.Total[j] = max(p.Total[j]-base*pixels, 0)
	}
	o := p.outliers(p.lit())
	p.Total = totals
	if len(o.frames()) == 0 {
		return nil, nil
	}
	p.leave(o)
	return p.outlierFindings(o), p.sums(ctx)
}
