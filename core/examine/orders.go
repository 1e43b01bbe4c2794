package examine

import (
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/internal/words"
)

// An ordering says which frame belongs to a position.
type ordering struct {
	frame     func(position int) int // outside the scan if there is none
	lag       int                    // of the whole scan
	from      int                    // first position of another lag
	what, fix string
}

const (
	// A frame that is missing or there twice makes those after it early or late by up to mostDropped. Tried are every so many positions.
	mostDropped, cuts = 2, 8
	// A scan has lines if there are at least fewestLines of fewestInLine positions on average. A step longer than longStep median steps,
	// or one across the lines, begins a line.
	fewestLines, fewestInLine, longStep = 3, 5, 3
)

// orders returns the orders that are tried, that of the file first.
func (p *profile) orders() []ordering {
	n := len(p.Rows)
	all := []ordering{{frame: func(i int) int { return i }}}
	for lag := -mostLag; lag <= mostLag; lag++ {
		if lag == 0 {
			continue
		}
		late, fix := "late", fmt.Sprintf("patterns[%d:] belong to positions[:-%d]", lag, lag)
		if lag < 0 {
			late, fix = "early", fmt.Sprintf("patterns[:-%d] belong to positions[%d:]", -lag, -lag)
		}
		all = append(all, ordering{frame: func(i int) int { return i + lag }, lag: lag, what: fmt.Sprintf("the patterns are %s %s", words.Of(abs(lag), "frame"), late), fix: fix})
	}
	for cut := 1; cut < cuts; cut++ {
		for lag := -mostDropped; lag <= mostDropped; lag++ {
			if from := cut * n / cuts; lag != 0 {
				all = append(all, lateFrom(from, lag))
			}
		}
	}
	all = append(all, ordering{
		frame: func(i int) int { return n - 1 - i },
		what:  "the patterns are in the reverse order of the positions", fix: "patterns[::-1] belong to the positions",
	})
	if line := p.lines(); line != nil {
		all = append(all, ordering{
			frame: func(i int) int { return line[i] },
			what:  "every second line of positions is in the reverse order of its patterns", fix: "the scan went back and forth, or the positions do: reverse the positions of every second line",
		})
	}
	return all
}

// lateFrom returns the order where the frames from a position on have a lag.
func lateFrom(from, lag int) ordering {
	o := ordering{from: from, what: fmt.Sprintf("the patterns from about frame %d on are %s late", from, words.Of(lag, "frame")), fix: "remove the frames that are there twice"}
	if lag < 0 {
		o.what, o.fix = fmt.Sprintf("the patterns from about frame %d on are %s early", from, words.Of(-lag, "frame")), "leave out the positions without a frame"
	}
	o.frame = func(i int) int {
		if i < from {
			return i
		}
		return i + lag
	}
	return o
}

// lines returns, for each position, the one at its place in every second line when that is reversed; nil if the path has no lines.
func (p *profile) lines() []int {
	n := len(p.Rows)
	step := make([]float64, n)
	along := [2]float64{}
	for i := 1; i < n; i++ {
		step[i] = p.distance(i, i-1)
	}
	typical := positiveMedian(step[1:])
	for i := 1; i < n; i++ {
		if step[i] < longStep*typical {
			along[0] += math.Abs(p.Rows[i] - p.Rows[i-1])
			along[1] += math.Abs(p.Cols[i] - p.Cols[i-1])
		}
	}
	fast := p.Cols
	if along[0] > along[1] {
		fast = p.Rows
	}
	starts := []int{0}
	for i := 1; i < n; i++ {
		if step[i] > longStep*typical || math.Abs(fast[i]-fast[i-1]) < typical/2 {
			starts = append(starts, i)
		}
	}
	if len(starts) < fewestLines || len(starts)*fewestInLine > n {
		return nil
	}
	to := indices(n)
	starts = append(starts, n)
	for k := 1; k+1 < len(starts); k += 2 {
		for i := starts[k]; i < starts[k+1]; i++ {
			to[i] = starts[k] + starts[k+1] - 1 - i
		}
	}
	return to
}
