package examine

import (
	"context"
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/internal/words"
)

// markers are the values by which integer detectors mark gaps and bad pixels, in float32: the largest of 16, 31 and 32 bits.
var markers = []float32{1<<16 - 1, 1 << 31, 1 << 32}

// mostConstant is the share of valid pixels of which more are not taken for stuck ones: the frames are then equal.
const mostConstant = 0.25

// constants finds marked and stuck pixels: pixels that have the same value, not 0, in every frame while their neighbours change.
//
// With Poisson counts of mean v a pixel repeats v with a chance below (2πv)^-½ in each frame. A marked pixel has the largest value of an
// integer type, or is negative. A saturated direct beam can also have the largest value in all frames; it is distinguished by the
// pixels around it, whose values approach the largest one.
func (p *profile) constants(ctx context.Context) ([]Finding, error) {
	first := true
	err := p.some(ctx, func(_ int, counts []float32) {
		for i, k := range counts {
			if first || k < p.least[i] {
				p.least[i] = k
			}
			if first || k > p.most[i] {
				p.most[i] = k
			}
			p.all[i] += float64(k)
		}
		first = false
	})
	if err != nil {
		return nil, err
	}
	n := float64(p.used)
	var marked, stuck, valid []int
	chance, largest := math.Inf(-1), float32(0)
	for i := range p.bad {
		if p.bad[i] {
			continue
		}
		valid = append(valid, i)
		v := p.least[i]
		if v != p.most[i] || v == 0 {
			continue
		}
		c := math.Log(float64(len(p.bad))) - n/2*math.Log(2*math.Pi*max(float64(v), 1))
		switch {
		case v < 0 || p.isMarker(i):
			marked = append(marked, i)
			largest = max(largest, v)
		case c < logAlpha && p.isStuck(i):
			stuck = append(stuck, i)
			chance = max(chance, c)
		}
	}
	found := p.masked()
	if len(marked) > 0 {
		p.leaveOut(marked)
		found = append(found, Finding{
			ID: Marked, Severity: Wrong, Pixels: p.coordinates(marked), LogChance: decimal(math.Log(float64(len(p.bad))) - n/2*math.Log(2*math.Pi)),
			What:     fmt.Sprintf("%s the same value in every frame, negative or the largest of its type (%.10g): it marks a gap or a bad pixel", has(len(marked), "pixel"), largest),
			Fix:      "save a mask with 0 at these pixels",
			Evidence: map[string]float64{"value": float64(largest), "frames": n},
		})
	}
	if len(stuck) > 0 && float64(len(stuck)) < mostConstant*float64(len(valid)) {
		p.leaveOut(stuck)
		found = append(found, Finding{
			ID: Stuck, Severity: Wrong, Pixels: p.coordinates(stuck), LogChance: decimal(chance),
			What:     fmt.Sprintf("%s the same count in all %d frames while the pixels around change", has(len(stuck), "pixel"), p.used),
			Fix:      "save a mask with 0 at these pixels",
			Evidence: map[string]float64{"count": float64(p.least[stuck[0]]), "frames": n},
		})
	}
	return found, nil
}

// isMarker reports whether a pixel's constant value is the largest of a type, and no pixel that touches its block comes near it.
func (p *profile) isMarker(i int) bool {
	v, is := p.least[i], false
	for _, m := range markers {
		is = is || v == m
	}
	// A cosmic ray reaches any value once: a pixel comes near only if its least value does, too.
	return is && !p.touches(i, func(q int) bool { return p.most[q] > v/2 && p.least[q] > v/8 })
}

// isStuck reports whether a pixel's constant value is its own: not the ceiling or the floor of the pixels that change around its block,
// and not that of frames that are all equal.
func (p *profile) isStuck(i int) bool {
	v := p.least[i]
	if p.touches(i, func(q int) bool { return p.most[q] != p.least[q] && (p.most[q] == v || p.least[q] == v) }) {
		return false
	}
	constant, all := 0, 0
	p.near(i, func(q int) {
		if !p.bad[q] {
			all++
			if p.least[q] == p.most[q] && p.least[q] != 0 && p.least[q] != v {
				constant++
			}
		}
	})
	return 2*constant <= all
}

// touches reports whether a pixel around the connected block of i with the same constant value satisfies is.
func (p *profile) touches(i int, is func(q int) bool) bool {
	v := p.least[i]
	seen, open := map[int]bool{i: true}, []int{i}
	found := false
	for len(open) > 0 && !found {
		at := open[len(open)-1]
		open = open[:len(open)-1]
		p.near(at, func(q int) {
			switch {
			case seen[q]:
			case p.least[q] == v && p.most[q] == v:
				seen[q] = true
				open = append(open, q)
			default:
				found = found || is(q)
			}
		})
	}
	return found
}

// has returns "1 pixel has" or "3 pixels have".
func has(n int, noun string) string {
	return words.Of(n, noun) + " " + words.Verb(n, "has", "have")
}
