package scan

import (
	"context"
	"math"
	"slices"
)

// Quality describes patterns and positions of a scan before a reconstruction.
type Quality struct {
	MeanCounts   float64 `json:"-"`             // photons in a pattern
	MaxCount     float64 `json:"-"`             // in a pixel
	DarkShare    float64 `json:"-"`             // of pixels with 0 counts
	FewestCounts float64 `json:"fewest_counts"` // photons in the darkest pattern
	MostCounts   float64 `json:"most_counts"`   // and in the brightest
	// CountUnit is the largest whole number that divides all counts. Above 1 the counts are not photons. 0: counts that
	// are not whole.
	CountUnit int `json:"count_unit"`
	// Background is the mean of the darkest tenth of the mean pattern, in counts per pixel.
	Background float64 `json:"background"`
	// BeamCentre is the centre of mass (row, column) of the mean pattern without background, relative to pixel N/2.
	BeamCentre [2]float64 `json:"beam_centre_px"`
	// DeadPixels never count although their neighbours do; HotPixels count far more than all their neighbours.
	DeadPixels [][2]int `json:"dead_pixels"` // row, column
	HotPixels  [][2]int `json:"hot_pixels"`
	// AtMaximum is the number of values equal to the largest count. Saturated reports at least ten, with a count of at
	// least 255.
	AtMaximum int  `json:"values_at_maximum"`
	Saturated bool `json:"saturated"`
	// Step is the median distance to the nearest other position, in object pixels. Duplicates counts positions that
	// occurred before.
	Step       float64 `json:"step_px"`
	Duplicates int     `json:"duplicate_positions"`
	// ProbeDiameter is four standard deviations of |P|² (a disk's diameter), Overlap that of two such probes one step
	// apart; both are 0 without a probe.
	ProbeDiameter float64 `json:"probe_diameter_px,omitempty"`
	Overlap       float64 `json:"overlap,omitempty"`
}

const (
	// An unmasked pixel is dead if its neighbours' median makes 0 in all patterns less likely than e^-20.
	deadBelow = 20
	// A pixel is hot if its total count is at least 100 and ten times that of its brightest neighbour.
	hotFactor, hotLeast = 10, 100
	// saturatedValues and saturatedLeast distinguish a detector's ceiling from a chance maximum.
	saturatedValues, saturatedLeast = 10, 255
)

// Quality reads all patterns once. It stops at the end of ctx.
func (s *Scan) Quality(ctx context.Context) (Quality, error) {
	q := Quality{FewestCounts: math.Inf(1), DeadPixels: [][2]int{}, HotPixels: [][2]int{}}
	size := s.N * s.N
	sums := make([]float64, size)
	most, unit, dark, all := float32(0), 0, 0, 0.0
	for _, pattern := range s.All() {
		if err := ctx.Err(); err != nil {
			return Quality{}, err
		}
		total := 0.0
		for i, k := range pattern {
			if k == 0 {
				dark++
				continue
			}
			sums[i] += float64(k)
			total += float64(k)
			switch {
			case k > most:
				most, q.AtMaximum = k, 1
			case k == most:
				q.AtMaximum++
			}
			if unit != 1 {
				unit = divisor(unit, k)
			}
		}
		all += total
		q.FewestCounts, q.MostCounts = min(q.FewestCounts, total), max(q.MostCounts, total)
	}
	if err := s.Err(); err != nil {
		return Quality{}, err
	}
	q.MeanCounts, q.MaxCount, q.DarkShare = all/float64(s.Len()), float64(most), float64(dark)/float64(s.Len()*size)
	q.CountUnit = unit
	if unit < 0 {
		q.CountUnit = 0
	}
	q.Saturated = q.AtMaximum >= saturatedValues && most >= saturatedLeast
	q.pixels(s, sums)
	q.positions(s)
	return q, nil
}

// divisor returns the greatest common divisor of unit and k, or −1 permanently if k is not whole.
func divisor(unit int, k float32) int {
	if unit < 0 || k != float32(math.Trunc(float64(k))) || k > 1<<24 {
		return -1
	}
	a, b := unit, int(k)
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// pixels analyses the sums of all patterns.
func (q *Quality) pixels(s *Scan, sums []float64) {
	n := s.N
	good := func(i int) bool { return s.Mask == nil || s.Mask[i] != 0 }
	var values []float64
	for i, v := range sums {
		if good(i) {
			values = append(values, v/float64(s.Len()))
		}
	}
	if len(values) == 0 {
		return
	}
	slices.Sort(values)
	darkest := values[:max(len(values)/10, 1)]
	for _, v := range darkest {
		q.Background += v / float64(len(darkest))
	}
	var mass, row, col float64
	for i, v := range sums {
		if !good(i) {
			continue
		}
		w := max(v/float64(s.Len())-q.Background, 0)
		mass += w
		row += w * float64(i/n-n/2)
		col += w * float64(i%n-n/2)
		var near []float64
		for d := range 9 {
			y, x := i/n+d/3-1, i%n+d%3-1
			if d != 4 && y >= 0 && y < n && x >= 0 && x < n && good(y*n+x) {
				near = append(near, sums[y*n+x])
			}
		}
		if len(near) == 0 {
			continue
		}
		slices.Sort(near)
		switch {
		case v == 0 && near[len(near)/2] > deadBelow:
			q.DeadPixels = append(q.DeadPixels, [2]int{i / n, i % n})
		case v >= hotLeast && v > hotFactor*near[len(near)-1]:
			q.HotPixels = append(q.HotPixels, [2]int{i / n, i % n})
		}
	}
	if mass > 0 {
		q.BeamCentre = [2]float64{row / mass, col / mass}
	}
}

// positions analyses distances.
func (q *Quality) positions(s *Scan) {
	seen := make(map[[2]float64]bool, s.Len())
	for j := range s.Rows {
		p := [2]float64{s.Rows[j], s.Cols[j]}
		if seen[p] {
			q.Duplicates++
		}
		seen[p] = true
	}
	near, err := Neighbours(s.Rows, s.Cols, 1)
	if err == nil && s.Len() > 1 {
		var d []float64
		for j, others := range near {
			d = append(d, math.Hypot(s.Rows[j]-s.Rows[others[0]], s.Cols[j]-s.Cols[others[0]]))
		}
		slices.Sort(d)
		q.Step = d[len(d)/2]
	}
	if s.Probe != nil {
		q.ProbeDiameter = ProbeDiameter(s.Probe, s.N)
	}
	if s.Probe != nil && s.Len() > 1 {
		q.Overlap = Overlap(q.Step, q.ProbeDiameter)
		if math.IsNaN(q.Overlap) {
			q.Overlap = 0
		}
	}
}

// ProbeDiameter returns four standard deviations of Σ_modes|P|² along an axis, in pixels: the diameter of a disk. probe
// is [modes, n, n].
func ProbeDiameter(probe []complex64, n int) float64 {
	var sum, y1, x1, square float64
	for i, p := range probe {
		i %= n * n
		a, y, x := float64(real(p)*real(p)+imag(p)*imag(p)), float64(i/n), float64(i%n)
		sum += a
		y1 += a * y
		x1 += a * x
		square += a * (y*y + x*x)
	}
	if !(sum > 0) {
		return 0
	}
	variance := square/sum - (y1*y1+x1*x1)/(sum*sum)
	return 4 * math.Sqrt(max(variance, 0)/2)
}
