package examine

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/ptychogo/ptycho/internal/words"
)

const (
	// A frame is examined as empty or too bright if it has a twentieth or twenty times the median of the counts.
	outlying = 20
	// It is one if it is also beyond four times the extreme of all other frames: an object that absorbs nearly everything somewhere has
	// frames between.
	apart = 4
	// brightest is the number of largest values that a frame's total leaves out, against cosmic rays.
	brightest = 3
)

// totals adds the counts of every frame, without its brightest values, and hashes it.
func (p *profile) totals(ctx context.Context) error {
	good := make([]float32, len(p.bad)) // 1 or 0
	for i, bad := range p.bad {
		if !bad {
			good[i] = 1
		}
	}
	clear(p.most)
	return p.each(ctx, func(j int, counts []float32) {
		p.total[j], p.peak[j] = frameTotal(counts, good, p.most)
		p.hash[j] = hashed(counts)
	})
}

// frameTotal returns the sum of the good counts without the brightest, and the largest, and raises most. Four sums are independent, as
// a processor adds them at the same time.
func frameTotal(counts, good, most []float32) (total float64, peak float32) {
	var top [brightest]float32
	var sum [4]float64
	good, most = good[:len(counts)], most[:len(counts)]
	for i, k := range counts {
		k *= good[i]
		sum[i&3] += float64(k)
		if k > most[i] {
			most[i] = k
		}
		if k > top[0] {
			top[0] = k
			slices.Sort(top[:])
		}
	}
	total = sum[0] + sum[1] + sum[2] + sum[3]
	for _, k := range top {
		total -= float64(k)
	}
	return total, top[brightest-1]
}

// pair returns the bits of two counts. Those of the first, whose high bits change most, are in the low half, which a product spreads.
func pair(a, b float32) uint64 {
	return bits.ReverseBytes64(uint64(math.Float32bits(a))<<32 | uint64(math.Float32bits(b)))
}

// hashed returns a hash of the bits of counts, four lanes of FNV-1a.
func hashed(counts []float32) uint64 {
	const prime = 1099511628211
	h := [4]uint64{14695981039346656037, 1, 2, 3}
	for len(counts) >= 8 {
		c := counts[:8]
		h[0] = (h[0] ^ pair(c[0], c[1])) * prime
		h[1] = (h[1] ^ pair(c[2], c[3])) * prime
		h[2] = (h[2] ^ pair(c[4], c[5])) * prime
		h[3] = (h[3] ^ pair(c[6], c[7])) * prime
		counts = counts[8:]
	}
	for _, k := range counts {
		h[0] = (h[0] ^ uint64(math.Float32bits(k))) * prime
	}
	return ((h[0]*prime^h[1])*prime^h[2])*prime ^ h[3]
}

// frames finds empty frames, frames that are far too bright, and frames that occur twice.
//
// A frame is empty if it has fewer counts than a Poisson number of a quarter of the mean of the darkest frame that is not in question can
// have. It is too bright by the same comparison with four times the brightest.
func (p *profile) frames(ctx context.Context) ([]Finding, error) {
	if err := p.totals(ctx); err != nil {
		return nil, err
	}
	lit := slices.DeleteFunc(slices.Clone(p.total), func(t float64) bool { return t <= 0 })
	if len(lit) == 0 {
		return nil, nil
	}
	middle := median(lit)
	lowest, highest := math.Inf(1), 0.0
	for _, t := range p.total {
		if t > middle/outlying && t < middle*outlying {
			lowest, highest = min(lowest, t), max(highest, t)
		}
	}
	if math.IsInf(lowest, 1) {
		return nil, nil
	}
	empty, bright, emptyChance, brightChance := p.outlying(middle, lowest, highest)
	found := p.without(empty, Finding{
		ID: Empty, Severity: Wrong, LogChance: decimal(emptyChance), Evidence: map[string]float64{"darkest_other": lowest, "median": middle},
		What: fmt.Sprintf("%s hardly any counts, the first is frame %s; the median has %.4g", has(len(empty), "frame"), p.name(empty), middle), Fix: "leave them out with --rows",
	})
	found = append(found, p.without(bright, Finding{
		ID: Bright, Severity: Wrong, LogChance: decimal(brightChance), Evidence: map[string]float64{"brightest_other": highest, "median": middle},
		What: fmt.Sprintf("%s more than %d times the counts of the median frame, the first is frame %s", has(len(bright), "frame"), outlying, p.name(bright)), Fix: "leave them out with --rows",
	})...)
	if len(bright) == 0 {
		return found, nil
	}
	return found, p.totals(ctx) // the largest counts without these frames
}

// outlying returns the frames that are empty or too bright, with the largest chance of each. Lowest and highest are the extremes of the
// frames that are not in question.
func (p *profile) outlying(middle, lowest, highest float64) (empty, bright []int, emptyChance, brightChance float64) {
	emptyChance, brightChance = math.Inf(-1), math.Inf(-1)
	for j, t := range p.total {
		many := math.Log(float64(len(p.at)))
		switch {
		case t <= middle/outlying && t < lowest/apart:
			if c := many + poissonChance(t, lowest/apart); c < logAlpha {
				empty, emptyChance = append(empty, j), max(emptyChance, c)
			}
		case t >= middle*outlying && t > highest*apart && highest > 0:
			if c := many + poissonChance(t, highest*apart); c < logAlpha {
				bright, brightChance = append(bright, j), max(brightChance, c)
			}
		}
	}
	return empty, bright, emptyChance, brightChance
}

// without leaves frames out of the following tests, and returns the finding that names them; none if there are none.
func (p *profile) without(frames []int, f Finding) []Finding {
	if len(frames) == 0 {
		return nil
	}
	for _, j := range frames {
		p.out[j] = true
		if p.few[j] {
			p.used--
		}
	}
	f.Frames = p.fileFrames(frames)
	return []Finding{f}
}

// name returns the row in the file of the first of some examined frames.
func (p *profile) name(of []int) string {
	if len(of) == 0 {
		return ""
	}
	return fmt.Sprint(p.fileFrames(of[:1])[0])
}

func median(v []float64) float64 {
	s := slices.Clone(v)
	slices.Sort(s)
	return s[len(s)/2]
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
	first := map[uint64]bool{}
	var again []int
	for j, h := range p.hash {
		if p.out[j] {
			continue
		}
		if first[h] {
			again = append(again, j)
		}
		first[h] = true
	}
	if len(again) == 0 {
		return nil
	}
	return []Finding{{
		ID: Duplicates, Severity: Warning, LogChance: decimal(same), Frames: p.fileFrames(again),
		What: fmt.Sprintf("%s %s an earlier frame in every pixel, the first is frame %s", words.Of(len(again), "frame"), words.Verb(len(again), "equals", "equal"), p.name(again)),
		Fix:  "leave the repeated frames out with --rows, or save the scan again",
	}}
}
