package scan

import (
	"math"
	"slices"
)

// span returns the longer side of the positions' bounding box.
func (s *Scan) span() float64 { return max(s.rowSpan(), s.colSpan()) }

// across returns the shorter side of the positions' bounding box.
func (s *Scan) across() float64 { return min(s.rowSpan(), s.colSpan()) }

func (s *Scan) rowSpan() float64 { return slices.Max(s.Rows) - slices.Min(s.Rows) }

func (s *Scan) colSpan() float64 { return slices.Max(s.Cols) - slices.Min(s.Cols) }

// mostSteps bounds the positions, evenly chosen, from which the step is measured.
const mostSteps = 2000

// step returns the median distance of a position to the nearest different one, 0 if there is none.
func (s *Scan) step() float64 {
	seen := make(map[[2]float64]bool, s.Len())
	var rows, cols []float64
	for j := range s.Rows {
		if p := [2]float64{s.Rows[j], s.Cols[j]}; !seen[p] {
			seen[p] = true
			rows, cols = append(rows, p[0]), append(cols, p[1])
		}
	}
	if len(rows) < 2 {
		return 0
	}
	t, err := NewTree(rows, cols)
	if err != nil {
		return 0
	}
	all := make([]int, len(rows))
	for j := range all {
		all[j] = j
	}
	of := Thin(all, mostSteps)
	near, err := t.Neighbours(1, of)
	if err != nil {
		return 0
	}
	d := make([]float64, len(of))
	for k, others := range near {
		j := of[k]
		d[k] = math.Hypot(rows[j]-rows[others[0]], cols[j]-cols[others[0]])
	}
	return median(d)
}

// median sorts the values and returns the median.
func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
