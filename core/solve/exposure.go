package solve

import (
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/scan"
)

const (
	// exposureNeighbours share the transmission of the object. The brighter quarter of them have the highest exposure.
	exposureNeighbours, brightest = 24, 0.75
	// levelGap is the least ratio between two levels of exposure, and levelShare the least share of the frames at a level.
	levelGap, levelShare = 1.5, 0.01
)

// exposures estimates the levels of exposure from the counts of each pattern, and returns the level of each pattern and its exposure; nil
// without levels that are clearly apart. They are distinguished from the transmission of the object, which neighbours share.
//
// A factor for each pattern and the slow part of the object's amplitude are nearly the same to the patterns: a fit whose factors start from
// the counts leaves the transmission in them, so without levels they start from 1. One with a factor for each level cannot move it there.
func exposures(totals, rows, cols []float64) (factors []float64, level []int) {
	near, err := scan.Neighbours(rows, cols, exposureNeighbours)
	if err != nil || len(totals) <= exposureNeighbours {
		return nil, nil
	}
	ratio := make([]float64, len(totals)) // counts over those around
	for j, others := range near {
		var around []float64
		for _, o := range others {
			around = append(around, totals[o])
		}
		slices.Sort(around)
		ratio[j] = totals[j] / max(around[int(brightest*float64(len(around)))], 1)
	}
	first, level := levels(ratio)
	if level == nil {
		return nil, nil
	}
	for j, others := range near {
		here := 0.0
		for _, o := range others {
			here += totals[o] / first[o] / float64(len(others))
		}
		ratio[j] = totals[j] / max(here, 1)
	}
	return levels(ratio)
}

// levels returns the median ratio of the level of each frame, and the level; nil if there is one level.
func levels(ratio []float64) (out []float64, level []int) {
	sorted := slices.Sorted(slices.Values(ratio))
	least := max(int(levelShare*float64(len(ratio))), 1)
	var medians, ends []float64
	from := 0
	for i := 1; i <= len(sorted); i++ {
		if i < len(sorted) && (sorted[i] < levelGap*sorted[i-1] || i-from < least || len(sorted)-i < least) {
			continue
		}
		medians, ends = append(medians, math.Max(sorted[(from+i)/2], leastIntensity)), append(ends, sorted[i-1])
		from = i
	}
	if len(medians) < 2 {
		return nil, nil
	}
	out, level = make([]float64, len(ratio)), make([]int, len(ratio))
	for j, r := range ratio {
		level[j], _ = slices.BinarySearch(ends, r)
		out[j] = medians[level[j]]
	}
	return out, level
}
