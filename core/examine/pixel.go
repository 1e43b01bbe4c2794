package examine

import (
	"context"
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/words"
)

const (
	// A hot pixel has this factor of its brightest neighbour, and none of the other pixels has a third of the factor.
	hotFactor = 10
)

// pixels finds dead pixels, hot pixels, and where the beam is.
func (p *profile) pixels(ctx context.Context) ([]Finding, error) {
	found := p.repeated()
	offset, err := p.offset(ctx)
	if err != nil {
		return nil, err
	}
	if len(offset) > 0 {
		dim, err := p.outliersAbove(ctx, p.base)
		if err != nil {
			return nil, err
		}
		offset = append(offset, dim...)
	}
	for i, s := range p.sum { // the other tests compare photons
		p.below = append(p.below, p.base > 0 && s == 0)
		p.sum[i] = max(p.sum[i]-p.base*float64(p.used), 0)
	}
	found = append(append(found, offset...), p.stopped()...)
	found = append(found, p.dead()...)
	found = append(found, p.hot()...)
	return append(found, p.beam()...), nil
}

// hot finds single pixels that are far brighter, in the sum of all frames, than all pixels around. The peak of the direct beam is not
// one: pixels within an eighth of the side of the middle are not examined.
func (p *profile) hot() []Finding {
	var pixels []int
	worst, next, chance := math.Inf(1), 0.0, math.Inf(-1)
	unit := float64(max(p.unit, 1))
	for i, s := range p.sum {
		s -= max(float64(p.high[i])-p.base, 0) // not by a single frame
		if p.bad[i] || s <= 0 || max(abs(i/p.N-p.N/2), abs(i%p.N-p.N/2)) < p.N/8 || min(i/p.N, p.N-1-i/p.N) == 0 && min(i%p.N, p.N-1-i%p.N) == 0 {
			continue
		}
		brightest, beside := 0.0, false
		p.near(i, func(q int) {
			beside = beside || p.unknown != nil && p.unknown[q]
			if !p.bad[q] {
				brightest = max(brightest, p.sum[q])
			}
		})
		if beside {
			continue
		}
		ratio := s / max(brightest, unit)
		c := math.Log(float64(len(p.sum))) + poissonChance(s/unit, hotFactor*max(brightest/unit, 1))
		if ratio > hotFactor && c < logAlpha {
			pixels, worst, chance = append(pixels, i), min(worst, ratio), max(chance, c)
		} else if s >= hotFactor*unit {
			next = max(next, ratio)
		}
	}
	if len(pixels) == 0 || 3*next > worst {
		return nil
	}
	p.leaveOut(pixels)
	return []Finding{{
		ID: Hot, Severity: Warning, Pixels: p.coordinates(pixels), LogChance: decimal(chance),
		What: fmt.Sprintf("%s more than %d times the counts of all pixels around", has(len(pixels), "pixel"), hotFactor), Fix: "save a mask with 0 at these pixels",
		Evidence: map[string]float64{"least_ratio": worst},
	}}
}

func abs(v int) int { return max(v, -v) }

// beam compares the middle of the mean pattern with pixel (N/2, N/2). Its findings are measurements, without a chance.
func (p *profile) beam() []Finding {
	mean := make([]float32, len(p.sum))
	var values []float64
	for i, s := range p.sum {
		if !p.bad[i] {
			mean[i] = float32(s / float64(max(p.used, 1)))
			values = append(values, s)
		}
	}
	if len(values) == 0 {
		return nil
	}
	if one := (&scan.Scan{N: p.N, Counts: mean, Rows: []float64{0}, Cols: []float64{0}}); one.ZeroAtCorner() {
		return []Finding{{ID: Corner, Severity: Warning, What: "the patterns are bright at their corners and dark in the middle", Fix: fmt.Sprintf("give --zero-frequency corner, or move the zero frequency to pixel (%d, %d) with numpy.fft.fftshift over the last two axes", p.N/2, p.N/2)}}
	}
	background := scan.Select(values, len(values)/10)
	var mass, row, col float64
	for i, s := range p.sum {
		if w := s - background; !p.bad[i] && w > 0 {
			mass, row, col = mass+w, row+w*float64(i/p.N-p.N/2), col+w*float64(i%p.N-p.N/2)
		}
	}
	if mass == 0 || max(math.Abs(row), math.Abs(col))/mass <= max(2, float64(p.N)/16) {
		return nil
	}
	row, col = row/mass, col/mass
	return []Finding{{
		ID: Centre, Severity: Note, Evidence: map[string]float64{"row": row, "column": col},
		What: fmt.Sprintf("the beam is %s off the middle of the patterns: (%.1f, %.1f) (row, column)", words.Of(int(math.Round(math.Hypot(row, col))), "pixel"), row, col),
	}}
}
