package prepare

import (
	"fmt"
	"strings"
)

// A Plan says how frames become patterns [N, N].
type Plan struct {
	Top, Left, Height, Width int // rectangle of a frame that is read
	Side                     int // of the square of which patterns are made, detector pixels
	Bin                      int // detector pixels along the side of a pixel of a pattern
	N                        int // side of the patterns

	asked      int // side of the patterns before Adapt
	steps      Steps
	frameWidth int
	target     []int32 // [Height, Width] pixel of the pattern, −1: none; nil: the same pixel
	mask       []uint8 // [N, N]; nil: all are used
}

// Wide returns the side of the patterns in detector pixels, padding included.
func (p *Plan) Wide() int { return p.N * p.Bin }

// Asked returns Wide for the steps without Adapt.
func (p *Plan) Asked() int { return p.asked * p.Bin }

// Moves reports whether patterns are more than the rectangle that is read.
func (p *Plan) Moves() bool { return p.target != nil }

// Border returns the number of pixels of a pattern that are added by Pad.
func (p *Plan) Border() int {
	inner := p.Side / p.Bin
	return p.N*p.N - inner*inner
}

// Notes says what changes, besides the choice of the square and what needs arrays, one sentence each.
func (p *Plan) Notes() []string {
	var notes []string
	s := p.steps
	if s.Offset != 0 || s.Gain != 0 && s.Gain != 1 {
		gain := s.Gain
		if gain == 0 {
			gain = 1
		}
		notes = append(notes, fmt.Sprintf("counts = (value − %.6g) / %.6g, by --offset and --gain", s.Offset, gain))
	}
	if s.Turns() {
		notes = append(notes, "the patterns are turned: "+strings.Join(s.turns(), ", "))
	}
	if s.Corner {
		notes = append(notes, "the zero frequency is moved from pixel (0, 0) of the patterns to their middle")
	}
	inner := p.Side / p.Bin
	if p.Bin > 1 {
		notes = append(notes, fmt.Sprintf("the counts of %d×%d detector pixels are added, so that %d×%d pixels become %d×%d", p.Bin, p.Bin, p.Side, p.Side, inner, inner))
	}
	if p.N < p.asked {
		notes = append(notes, fmt.Sprintf("patterns of %d×%d pixels are cropped to %d×%d, which the network takes, so that object pixels are %.4g times as large (--adapt-size)", p.asked, p.asked, p.N, p.N, float64(p.asked)/float64(p.N)))
	}
	if p.N > p.asked {
		notes = append(notes, fmt.Sprintf("patterns of %d×%d pixels are padded to %d×%d with masked pixels, because the network takes that size, so that object pixels are %.4g times as large (--adapt-size)", p.asked, p.asked, p.N, p.N, float64(p.asked)/float64(p.N)))
	} else if p.N != inner {
		notes = append(notes, fmt.Sprintf("patterns of %d×%d pixels are padded to %d×%d with masked pixels, so that object pixels are %.4g times as large", inner, inner, p.N, p.N, float64(inner)/float64(p.N)))
	}
	return notes
}

// Mask returns 1 for each pixel of the patterns that is used, and 0 for others; nil if all are used. A pixel that joins several is used
// if all of them are.
func (p *Plan) Mask() []uint8 { return p.mask }

// Hides reports whether pixel i of the frame is not used.
func (p *Plan) Hides(i int) bool { return p.steps.Mask != nil && p.steps.Mask[i] == 0 }

// hide computes the mask of the patterns.
func (p *Plan) hide() {
	if p.steps.Mask == nil && p.N*p.Bin == p.Side {
		return
	}
	used := make([]int, p.N*p.N)
	for r := range p.Height {
		for c := range p.Width {
			if to := p.Target(r*p.Width + c); to >= 0 && !p.Hides((p.Top+r)*p.frameWidth+p.Left+c) {
				used[to]++
			}
		}
	}
	mask, hidden := make([]uint8, len(used)), false
	for i, n := range used {
		if n == p.Bin*p.Bin {
			mask[i] = 1
		} else {
			hidden = true
		}
	}
	if hidden {
		p.mask = mask
	}
}

// Target returns the pixel of the pattern to which pixel i of the rectangle goes, −1 for none.
func (p *Plan) Target(i int) int {
	if p.target == nil {
		return i
	}
	return int(p.target[i])
}

// A Tally counts values that are negative after the dark and the offset are subtracted.
type Tally struct {
	Values, Below, Above int // all, below 0, above 0
}

// Dark reports whether no value is above 0.
func (t Tally) Dark() bool { return t.Values > 0 && t.Above == 0 }

// Notes says how many values became 0.
func (t Tally) Notes() []string {
	if t.Below == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%.3g %% of the values are below 0 after the dark and the offset are subtracted, and are taken as 0", 100*float64(t.Below)/float64(t.Values))}
}

// Count returns the counts of a value at pixel i of the frame. Values below 0 become 0.
func (p *Plan) Count(i int, v float64, t *Tally) float64 {
	s := &p.steps
	if !s.Corrects() {
		return v
	}
	v -= s.Offset
	if s.Dark != nil {
		v -= s.Dark[i]
	}
	if s.Flat != nil {
		v /= s.Flat[i]
	}
	if s.Gain != 0 {
		v /= s.Gain
	}
	t.Values++
	if v < 0 {
		t.Below++
		return 0
	}
	if v > 0 {
		t.Above++
	}
	return v
}

// Corrects reports whether Count changes values.
func (p *Plan) Corrects() bool { return p.steps.Corrects() }

// Arrange makes a pattern dst [N, N] of counts: src begins with the first pixel of the rectangle, and its rows are stride apart. sums is a
// buffer [N, N]. dst and src are different.
func (p *Plan) Arrange(dst, src []float32, stride int, sums []float64) {
	if p.target == nil {
		for r := range p.Height {
			copy(dst[r*p.Width:(r+1)*p.Width], src[r*stride:][:p.Width])
		}
		p.clear(dst)
		return
	}
	clear(sums)
	for r := range p.Height {
		row := src[r*stride:][:p.Width]
		for c, to := range p.target[r*p.Width:][:p.Width] {
			if to >= 0 {
				sums[to] += float64(row[c])
			}
		}
	}
	for i, v := range sums {
		dst[i] = float32(v)
	}
	p.clear(dst)
}

// clear sets the pixels of a pattern that are not used to 0.
func (p *Plan) clear(dst []float32) {
	for i, m := range p.mask {
		if m == 0 {
			dst[i] = 0
		}
	}
}
