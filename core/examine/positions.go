package examine

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/words"
)

const (
	// fewOverlap is the share of a probe's area that neighbours have in common below which the image depends on the probe more than on
	// the patterns.
	fewOverlap = 0.1
	// jump is the factor by which both steps to and from a position are longer than the median step, if it is off the path, and
	// straight the factor by which the step between its neighbours is at most longer.
	jump, straight = 10, 2
	// A canvas is wide if it has spacious times the area that the probe covers, and more than wideCanvas pixels.
	spacious, wideCanvas = 64, 1 << 24
	// oneLine is the width of a line of positions relative to the probe's diameter.
	oneLine = 0.1
	// alike is the ratio of differences above which frames of one position differ as much as frames of others.
	alike = 0.8
)

// geometry finds faults of the positions and of the probe's place in its window. It reads no patterns, except those of equal positions.
func (p *profile) geometry(ctx context.Context) ([]Finding, error) {
	probe := p.Probe
	if p.N < 4 || len(probe) == 0 || len(probe) != max(p.Modes, 1)*p.N*p.N {
		probe = nil
	}
	s := &scan.Scan{N: p.N, Rows: p.Rows, Cols: p.Cols, Probe: probe, Modes: p.Modes, Index: p.Index}
	var found []Finding
	far := map[int]bool{}
	spaced, same := true, false
	var tree *scan.Tree
	if near := p.around(); near != nil {
		tree = near.tree
	}
	faults := s.Faults(tree)
	if k := slices.IndexFunc(faults, func(f *scan.Fault) bool { return f.ID == scan.FaultProbeCentre }); k >= 0 { // others are those of the probe in the middle
		p.centre()
		s.Probe = p.Probe
		faults = append([]*scan.Fault{faults[k]}, s.Faults(tree)...)
	}
	for _, f := range faults {
		for _, i := range f.Patterns {
			far[i] = true
		}
		same = same || f.ID == scan.FaultSame
		spaced = spaced && (f.ID == scan.FaultFar || f.ID == scan.FaultProbeCentre)
		found = append(found, Finding{ID: f.ID, Severity: Wrong, What: f.What, Fix: f.Fix, Frames: p.rowsOf(f.Patterns)})
	}
	if !spaced {
		found = append(found, p.lone(far, 0)...)
		if same {
			return found, nil
		}
		again, err := p.coinciding(ctx)
		return append(found, again...), err
	}
	wide := p.Diameter
	if wide <= 0 {
		wide = float64(p.N)
	}
	found = append(found, p.lone(far, wide)...)
	found = append(found, p.overlap(far)...)
	found = append(found, p.line(far)...)
	found = append(found, p.canvas(far)...)
	again, err := p.coinciding(ctx)
	return append(found, again...), err
}

// rowsOf returns the rows in the file of patterns.
func (p *profile) rowsOf(patterns []int) []int {
	if p.Index == nil || patterns == nil {
		return patterns
	}
	return (&scan.Scan{Index: p.Index}).FileRows(patterns)
}

func (p *profile) distance(i, j int) float64 {
	return math.Hypot(p.Rows[i]-p.Rows[j], p.Cols[i]-p.Cols[j])
}

// lone finds positions that are farther than wide from all others, and positions off the path.
//
// Where positions are spread at random, the nearest is farther than k times the median of that distance with a chance of 2^(−k²), and of
// 2^(−s·k²) at the edge, where the share s of the circle is inside the scan. It is less where they are spread evenly. A position off the path of a scan whose steps are even is far from both the one before and the
// one after, which are near each other; a step of a line's length occurs once.
func (p *profile) lone(far map[int]bool, wide float64) []Finding {
	n := len(p.Rows)
	near := p.around()
	if near == nil || n < fewestFrames {
		return nil
	}
	nearest := near.tree.Nearest()
	gap, step := make([]float64, n), make([]float64, 0, n)
	for i := range gap {
		gap[i] = p.distance(i, int(nearest[i]))
		if i > 0 {
			step = append(step, p.distance(i, i-1))
		}
	}
	typical, along := positiveMedian(gap), positiveMedian(step)
	k := math.Sqrt(math.Log2(float64(n) / Alpha))
	rows, cols := interval(p.Rows), interval(p.Cols)
	var lone []int
	for i := range gap {
		share := rows.share(p.Rows[i], gap[i]) * cols.share(p.Cols[i], gap[i])
		off := i > 0 && i < n-1 && min(step[i-1], step[i]) > jump*along && p.distance(i-1, i+1) < straight*2*along
		if (gap[i]*math.Sqrt(share) > k*typical && gap[i] > wide || off) && !far[i] {
			lone = append(lone, i)
		}
	}
	if len(lone) == 0 || typical <= 0 || float64(len(lone)) > mostLone*float64(n) {
		return nil
	}
	frames := p.rowsOf(lone)
	first := lone[0]
	for _, i := range lone {
		far[i] = true
	}
	return []Finding{{
		ID: Lone, Severity: Warning, LogChance: decimal(logAlpha), Frames: frames, Evidence: map[string]float64{"distance": gap[first], "median_distance": typical, "median_step": along},
		What: fmt.Sprintf("%s away from the path of the scan, the first is that of frame %d at (%.6g, %.6g) (row, column), %.3g px from the nearest; the median is %.3g px",
			words.Of(len(lone), "position")+" "+words.Verb(len(lone), "is", "are"), frames[0], p.Rows[first], p.Cols[first], gap[first], typical),
		Fix: scan.LeaveOut(frames),
	}}
}

// A span is the interval of the positions along an axis.
type span struct{ low, high float64 }

func interval(v []float64) span { return span{slices.Min(v), slices.Max(v)} }

// share returns the part of the interval from at − reach to at + reach that is inside.
func (s span) share(at, reach float64) float64 {
	if !(reach > 0) || s.high == s.low {
		return 1
	}
	return min(max((min(at+reach, s.high)-max(at-reach, s.low))/(2*reach), 0), 1)
}

// mostLone is the share of positions of which more are not taken for exceptions.
const mostLone = 0.05

// positiveMedian returns the median of the values above 0, 0 if there are none.
func positiveMedian(v []float64) float64 {
	v = slices.DeleteFunc(slices.Clone(v), func(d float64) bool { return d <= 0 })
	if len(v) == 0 {
		return 0
	}
	return median(v)
}

// overlap measures how much of the probe's area neighbours have in common.
func (p *profile) overlap(far map[int]bool) []Finding {
	near := p.around()
	if near == nil || p.Diameter <= 0 {
		return nil
	}
	var gaps []float64
	for k, i := range near.of {
		for _, o := range near.near[k] {
			if d := p.distance(i, int(o)); d > 0 && !far[i] {
				gaps = append(gaps, d)
				break
			}
		}
	}
	if len(gaps) < fewestFrames {
		return nil
	}
	step := median(gaps)
	share := scan.Overlap(step, p.Diameter)
	if !(share < fewOverlap) {
		return nil
	}
	return []Finding{{
		ID: LowOverlap, Severity: Warning, Evidence: map[string]float64{"overlap": share, "step": step, "probe_diameter": p.Diameter},
		What: fmt.Sprintf("neighbouring positions are %.3g px apart and the probe has a diameter of %.3g px: they have %.0f %% of its area in common, and the image needs about half", step, p.Diameter, 100*share),
		Fix:  "measure with smaller steps; if the positions are in another unit give it with --position-units and the object's pixel with --pixel-size",
	}}
}

// line finds a scan along one row or column. Across it each point of the object is seen by the same part of the probe, so that its share in the
// patterns is that of the probe's error.
func (p *profile) line(far map[int]bool) []Finding {
	var side [2]float64
	for axis, v := range [2][]float64{p.Rows, p.Cols} {
		var near []float64
		for i, c := range v {
			if !far[i] {
				near = append(near, c)
			}
		}
		if len(near) == 0 {
			return nil
		}
		side[axis] = slices.Max(near) - slices.Min(near)
	}
	narrow, long := min(side[0], side[1]), max(side[0], side[1])
	if p.Diameter <= 0 || narrow > oneLine*p.Diameter || long < p.Diameter {
		return nil
	}
	return []Finding{{
		ID: Line, Severity: Warning, Evidence: map[string]float64{"across": narrow, "along": long, "probe_diameter": p.Diameter},
		What: fmt.Sprintf("all positions are in one line, %.3g px long and %.3g px wide: across it the image depends on the probe as much as on the patterns", long, narrow),
		Fix:  "measure several lines, half a probe apart; compare images of this scan along the line only",
	}}
}

// canvas compares the image's size with the area that the probe covers.
func (p *profile) canvas(far map[int]bool) []Finding {
	side := [2]float64{}
	for axis, v := range [2][]float64{p.Rows, p.Cols} {
		low, high := math.Inf(1), math.Inf(-1)
		for _, c := range v {
			low, high = min(low, c), max(high, c)
		}
		side[axis] = math.Ceil(high-low) + float64(p.N)
	}
	pixels := side[0] * side[1]
	wide := p.Diameter
	if wide <= 0 {
		wide = float64(p.N)
	}
	covered := float64(len(p.Rows)) * math.Pi / 4 * wide * wide
	f := Finding{
		ID: Canvas, Severity: Warning, Evidence: map[string]float64{"rows": side[0], "columns": side[1], "pixels": pixels, "covered_at_most": covered},
		What: fmt.Sprintf("the image would have %.0f×%.0f pixels, %.3g times the area that all positions of the probe cover", side[0], side[1], pixels/max(covered, 1)),
		Fix:  "check the unit of the positions (--position-units, --pixel-size)",
	}
	switch {
	case pixels > raster.DefaultCanvas:
		f.Severity = Wrong
		f.What = fmt.Sprintf("the image would have %.0f×%.0f pixels, more than the %d that are possible", side[0], side[1], raster.DefaultCanvas)
	case pixels < wideCanvas || pixels < spacious*covered:
		return nil
	}
	if len(far) > 0 {
		f.Fix = "leave out the positions far from the others, or check the unit of the positions (--position-units, --pixel-size)"
	}
	return []Finding{f}
}

// coinciding finds frames at one position. They are repetitions, a note, unless their patterns differ as much as those of other
// positions: then an encoder was stuck, or positions were rounded. The measure is Σ(a−b)²/(a+b) over the number of pixels with a count,
// which is 1 on average for Poisson counts of the same mean, whatever the dose. A finding has more than 0.8 of what frames of other
// positions have above that, by seven standard errors of 20 parts of the scan.
func (p *profile) coinciding(ctx context.Context) ([]Finding, error) {
	if near := p.around(); near != nil && !near.tree.Coincide() {
		return nil, nil
	}
	first := map[[2]float64]int{}
	var again []int
	var pairs [][2]int
	for i := range p.Rows {
		at := [2]float64{p.Rows[i], p.Cols[i]}
		if j, seen := first[at]; seen {
			again, pairs = append(again, i), append(pairs, [2]int{j, i})
			continue
		}
		first[at] = i
	}
	if len(again) == 0 {
		return nil, nil
	}
	f := Finding{
		ID: SamePositions, Severity: Note, Frames: p.rowsOf(again), Evidence: map[string]float64{"positions": float64(len(first)), "frames": float64(len(p.Rows))},
		What: fmt.Sprintf("%s the position of an earlier one, the first is frame %d", has(len(again), "frame"), p.rowsOf(again[:1])[0]),
	}
	var gain []float64
	var same, other float64
	for _, k := range scan.Thin(indices(len(pairs)), lagPairs) {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		i, j := pairs[k][0], pairs[k][1]
		a, b := p.dispersion(i, j)-p.noise, p.dispersion(i, (j+len(p.Rows)/2)%len(p.Rows))-p.noise
		same, other, gain = same+a, other+b, append(gain, a-alike*b)
	}
	if t := meanOverError(gain); t > surely {
		f.Severity, f.LogChance = Warning, decimal(logAlpha)
		f.Evidence["difference"], f.Evidence["difference_elsewhere"] = same/float64(len(gain)), other/float64(len(gain))
		f.What += fmt.Sprintf("; their patterns differ by %.3g of photon noise, as much as those of other positions (%.3g)", same/float64(len(gain)), other/float64(len(gain)))
		f.Fix = "correct the positions: they were rounded, or not recorded"
	}
	return []Finding{f}, nil
}

// dispersion returns Σ(a−b)²/(a+b) of two frames over their pixels with a count.
func (p *profile) dispersion(i, j int) float64 {
	p.scratch = append(p.scratch[:0], p.Patterns.Pattern(i)...)
	other := p.Patterns.Pattern(j)
	var sum, pixels float64
	unit := float64(max(p.unit, 1))
	for q, k := range p.scratch {
		if a, b := float64(k), float64(other[q]); a+b > 0 && !p.bad[q] {
			sum += (a - b) * (a - b) / (a + b) / unit
			pixels++
		}
	}
	return sum / max(pixels, 1)
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
