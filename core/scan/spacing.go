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

// step returns the median distance of a position to the nearest different one, 0 if there is none. near, which may be nil, is a tree of all
// positions.
func (s *Scan) step(near *Tree) float64 {
	if s.Len() < 2 {
		return 0
	}
	rows, cols := s.Rows, s.Cols
	if near == nil || near.Coincide() {
		rows, cols = s.distinct()
		if len(rows) < 2 {
			return 0
		}
		var err error
		if near, err = NewTree(rows, cols); err != nil {
			return 0
		}
	}
	all := make([]int, len(rows))
	for j := range all {
		all[j] = j
	}
	of := Thin(all, mostSteps)
	nearest, err := near.Neighbours(1, of)
	if err != nil {
		return 0
	}
	d := make([]float64, len(of))
	for k, j := range of {
		d[k] = math.Hypot(rows[j]-rows[nearest[k][0]], cols[j]-cols[nearest[k][0]])
	}
	return Median(d)
}

// distinct returns the positions without repetitions.
func (s *Scan) distinct() (rows, cols []float64) {
	seen := make(map[[2]float64]bool, s.Len())
	for j := range s.Rows {
		if p := [2]float64{s.Rows[j], s.Cols[j]}; !seen[p] {
			seen[p] = true
			rows, cols = append(rows, p[0]), append(cols, p[1])
		}
	}
	return rows, cols
}

// Median returns the value that is in the middle of the ascending order, the upper one of two. It changes the order of v.
func Median(v []float64) float64 { return Select(v, len(v)/2) }

// Select returns the value that is at index k in ascending order. It changes the order of v, and leaves the value at k.
func Select(v []float64, k int) float64 {
	for low, high := 0, len(v)-1; low < high; {
		pivot, i, j := v[low+(high-low)/2], low, high
		for i <= j {
			for v[i] < pivot {
				i++
			}
			for v[j] > pivot {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			high = j
		case k >= i:
			low = i
		default:
			return v[k]
		}
	}
	return v[k]
}
