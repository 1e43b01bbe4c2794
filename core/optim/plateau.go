package optim

import "math"

// Better reports whether a value is better than the best one so far by more than the given share of it: smaller, or larger
// with max. Any number is better than NaN.
func Better(value, best float64, max bool, share float64) bool {
	switch {
	case math.IsNaN(value):
		return false
	case math.IsNaN(best):
		return true
	case max:
		return value > best+share*math.Abs(best)
	}
	return value < best-share*math.Abs(best)
}

// Plateau reduces the learning rate when the observed value no longer improves.
type Plateau struct {
	Factor    float64 // on the learning rate
	Patience  int     // observations without improvement before the rate is reduced
	Min       float64 // lower limit of the learning rate
	Threshold float64 // share of the best by which a value must improve
	Max       bool    // larger values are better
}

// PlateauState is the state of a plateau schedule.
type PlateauState struct {
	Best  float64 `json:"best"` // undefined before the first observation
	Seen  bool    `json:"seen"`
	Bad   int     `json:"bad"`   // observations since the last improvement
	Scale float64 `json:"scale"` // on the learning rate; 0 means 1
}

// Observe returns the state after an observation. After more than Patience observations without improvement, the rate is
// multiplied by Factor, but never reduced below Min.
func (p Plateau) Observe(s PlateauState, value, peak float64) PlateauState {
	if s.Scale == 0 {
		s.Scale = 1
	}
	best := s.Best
	if !s.Seen {
		best = math.NaN()
	}
	if Better(value, best, p.Max, p.Threshold) {
		s.Best, s.Seen, s.Bad = value, true, 0
		return s
	}
	if s.Bad++; s.Bad > p.Patience {
		s.Bad = 0
		s.Scale = max(s.Scale*p.Factor, min(p.Min/peak, s.Scale))
	}
	return s
}

// Rate applies the state to a scheduled rate.
func (s PlateauState) Rate(scheduled float64) float64 {
	if s.Scale == 0 {
		return scheduled
	}
	return scheduled * s.Scale
}
