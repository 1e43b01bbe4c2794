package examine

import (
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/internal/words"
)

const (
	// A beam stop is at most half the side wide, and covers a pixel within a sixteenth of the side around the middle.
	stopWidest, stopMiddle = 2, 16
	// fewestStopped is the least number of pixels of a beam stop.
	fewestStopped = 9
	// A mask hides the beam if the masked pixels that count have this share of all counts.
	hiddenShare = 0.5
)

// stopped finds a beam stop: an enclosed area of pixels without a count around the middle, with an edge that is sharper than any other.
//
// Just inside its edge at least the brightness of the lit neighbour times a third of the smallest ratio of two touching lit pixels of
// the scan is expected. The chance is that all pixels inside the edge are dark by Poisson noise.
func (p *profile) stopped() []Finding {
	smallest := 1.0 // ratio of touching lit pixels
	for i, s := range p.sum {
		if p.bad[i] || s <= 0 {
			continue
		}
		p.near(i, func(q int) {
			if !p.bad[q] && p.sum[q] > s {
				smallest = min(smallest, (s+1)/p.sum[q])
			}
		})
	}
	area := p.darkMiddle()
	if len(area) < fewestStopped {
		return nil
	}
	expected, around := 0.0, 0.0
	edge := 0
	for _, i := range area {
		lit, n := 0.0, 0
		p.near(i, func(q int) {
			if !p.bad[q] && p.sum[q] > 0 {
				lit, n = lit+p.sum[q], n+1
			}
		})
		if n > 0 {
			expected += rougher * smallest * lit / float64(n) / float64(max(p.unit, 1))
			around += lit / float64(n)
			edge++
		}
	}
	c := math.Log(float64(len(p.sum))) - expected
	if edge == 0 || c >= logAlpha {
		return nil
	}
	p.leaveOut(area)
	return []Finding{{
		ID: Stop, Severity: Warning, Pixels: p.coordinates(area), LogChance: decimal(c), Evidence: map[string]float64{"pixels": float64(len(area)), "counts_at_edge": around / float64(edge) / float64(max(p.used, 1))},
		What: fmt.Sprintf("%s around the middle of the patterns no counts although the pixels around count: a beam stop", has(len(area), "pixel")),
		Fix:  "save a mask with 0 at these pixels",
	}}
}

// darkMiddle returns the area without a count that covers the middle; nil if it reaches the edge or is too wide.
func (p *profile) darkMiddle() []int {
	seen := map[int]bool{}
	for dy := -p.N / stopMiddle; dy <= p.N/stopMiddle; dy++ {
		for dx := -p.N / stopMiddle; dx <= p.N/stopMiddle; dx++ {
			i := (p.N/2+dy)*p.N + p.N/2 + dx
			if i < 0 || i >= len(p.sum) || seen[i] || p.bad[i] || p.sum[i] != 0 {
				continue
			}
			if area := p.darkArea(i, seen); area != nil {
				return area
			}
		}
	}
	return nil
}

func (p *profile) darkArea(from int, seen map[int]bool) []int {
	seen[from] = true
	area, enclosed := []int{from}, true
	for k := 0; k < len(area); k++ {
		y, x := area[k]/p.N, area[k]%p.N
		enclosed = enclosed && y > 0 && x > 0 && y < p.N-1 && x < p.N-1 && stopWidest*max(abs(y-p.N/2), abs(x-p.N/2)) < p.N/2+p.N/4
		p.near(area[k], func(q int) {
			if !seen[q] && !p.bad[q] && p.sum[q] == 0 {
				seen[q] = true
				area = append(area, q)
			}
		})
	}
	if !enclosed || len(area) < fewestStopped {
		return nil
	}
	return area
}

// masked finds a mask that hides the beam: masked pixels with half of all counts, which change from frame to frame and do not hold a marker. Counts are
// those without the brightest frame, and at most those of a pixel next to it: neither a cosmic ray nor a hot pixel is a beam.
func (p *profile) masked() []Finding {
	if p.Mask == nil {
		return nil
	}
	hidden, seen := 0.0, 0.0
	var pixels []int
	for i, m := range p.Mask {
		switch {
		case m != 0:
			if p.least[i] >= 0 && (p.least[i] != p.most[i] || !p.isMarker(i)) {
				seen += p.steady(i)
			}
		case p.all[i] > 0 && p.least[i] >= 0 && p.most[i] != p.least[i] && p.most[i] < markers[0]:
			hidden += p.steady(i)
			pixels = append(pixels, i)
		}
	}
	if hidden == 0 || hidden < hiddenShare*(hidden+seen) {
		return nil
	}
	for i := range p.Mask { // the following tests look behind a mask that is wrong
		p.bad[i] = p.bad[i] && p.all[i] != 0
	}
	for _, i := range pixels {
		p.bad[i] = false
	}
	return []Finding{{
		ID: Hidden, Severity: Warning, Pixels: p.coordinates(pixels), Evidence: map[string]float64{"share": hidden / (hidden + seen)},
		What: fmt.Sprintf("the mask hides %s that count, with %.0f %% of all counts: it hides the beam, or belongs to another detector or orientation", words.Of(len(pixels), "pixel"), 100*hidden/(hidden+seen)),
		Fix:  "check the mask: 1 means valid",
	}}
}

// steady returns the counts of a pixel of the few frames without its brightest one, at most those of the brightest pixel around.
func (p *profile) steady(i int) float64 {
	rest := func(q int) float64 { return p.all[q] - float64(p.most[q]) }
	around := 0.0
	p.near(i, func(q int) { around = max(around, rest(q)) })
	return min(rest(i), around)
}
