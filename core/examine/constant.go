package examine

import (
	"context"
	"fmt"
	"math"
	"slices"

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
	if err := p.gather(ctx); err != nil {
		return nil, err
	}
	found, n, ceiling := p.masked(), float64(p.used), p.changingCeiling()
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
		case c < logAlpha && !p.isCeiling(i, ceiling) && p.isStuck(i):
			stuck = append(stuck, i)
			chance = max(chance, c)
		}
	}
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

// changingCeiling returns the largest count of the pixels that change.
func (p *profile) changingCeiling() float32 {
	ceiling := float32(0)
	for i, bad := range p.bad {
		if !bad && p.most[i] != p.least[i] {
			ceiling = max(ceiling, p.most[i])
		}
	}
	return ceiling
}

const (
	// blockLeast is the least size of a block that can be the whole beam, and aroundBeam the factor by which the pixels around it are
	// brighter than the mean of those that change.
	blockLeast, aroundBeam = 9, 2
)

// isCeiling reports whether a pixel's constant value is that of a clipped beam: no pixel that changes is above it, and one has it, or
// the pixels around the block come near it, or the block is large and the light falls off around it.
func (p *profile) isCeiling(i int, ceiling float32) bool {
	v := p.least[i]
	if v <= ceiling || p.touches(i, func(q int) bool { return !p.bad[q] && p.most[q] != p.least[q] && p.most[q] > v/3 }) {
		return v >= ceiling
	}
	b := p.blockOf(i)
	var edge, edges, all, pixels float64
	floor := math.Inf(1) // a constant that was added to all counts is not light
	for q, k := range p.least {
		if !p.bad[q] {
			floor = min(floor, float64(k)*float64(p.used))
		}
	}
	for _, q := range b.edge {
		if !p.bad[q] {
			edge, edges = edge+p.all[q]-floor, edges+1
		}
	}
	for q, k := range p.all {
		if !p.bad[q] && p.most[q] != p.least[q] {
			all, pixels = all+k-floor, pixels+1
		}
	}
	return b.size >= blockLeast && edge/max(edges, 1) > aroundBeam*all/max(pixels, 1)
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
	return slices.ContainsFunc(p.blockOf(i).edge, is)
}

// A block is a connected area of pixels with the same constant value.
type block struct {
	size int
	edge []int // pixels around
}

// blockOf returns the block of a pixel. A block is collected once.
func (p *profile) blockOf(i int) *block {
	if p.blocks == nil {
		p.blocks = map[int]*block{}
	}
	if b := p.blocks[i]; b != nil {
		return b
	}
	v, b := p.least[i], &block{size: 1}
	p.blocks[i] = b
	seen, open := map[int]bool{}, []int{i}
	for len(open) > 0 {
		at := open[len(open)-1]
		open = open[:len(open)-1]
		p.near(at, func(q int) {
			switch {
			case p.blocks[q] == b, seen[q]:
			case p.least[q] == v && p.most[q] == v:
				p.blocks[q] = b
				b.size++
				open = append(open, q)
			default:
				seen[q] = true
				b.edge = append(b.edge, q)
			}
		})
	}
	return b
}

// has returns "1 pixel has" or "3 pixels have".
func has(n int, noun string) string {
	return words.Of(n, noun) + " " + words.Verb(n, "has", "have")
}
