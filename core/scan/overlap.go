package scan

import "math"

// Overlap returns the share of a circular probe's area that is lit twice when it moves by distance, both lengths in the same
// unit. With R = diameter/2 the lens of two circles has the area
//
//	A(d) = 2R²·acos(d/2R) − (d/2)·√(4R² − d²)
//
// and the overlap is A(d)/(πR²): 1 at d = 0, 0.391002 at d = R, 0 from d = 2R on.
func Overlap(distance, diameter float64) float64 {
	d := math.Abs(distance)
	switch {
	case !(diameter > 0) || math.IsNaN(d):
		return math.NaN()
	case d >= diameter:
		return 0
	}
	r := diameter / 2
	return (2*r*r*math.Acos(d/diameter) - d/2*math.Sqrt(diameter*diameter-d*d)) / (math.Pi * r * r)
}
