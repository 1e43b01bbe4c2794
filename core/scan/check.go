package scan

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/internal/words"
)

// Check returns the first Fault of the probe, the positions and the counts, nil if there is none. It does not compare
// positions with patterns: see solve.CheckSupport.
func (s *Scan) Check() error {
	for _, check := range []func() error{s.checkProbe, s.checkPositions, s.checkEmpty} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// CheckPositions returns the Fault of the probe or the positions, nil if there is none. It needs no counts.
func (s *Scan) CheckPositions() error {
	if err := s.checkProbe(); err != nil {
		return err
	}
	return s.checkPositions()
}

// Faults returns all faults of the probe and the positions. Positions far from the others are left out of the other checks. near, which may be
// nil, is a tree of the positions.
func (s *Scan) Faults(near *Tree) []*Fault {
	var faults []*Fault
	rest := &Scan{N: s.N, Rows: s.Rows, Cols: s.Cols, Probe: s.Probe, Modes: s.Modes, Index: s.Index}
	add := func(err error) (found bool) {
		f, found := err.(*Fault) //nolint:errorlint // the checks wrap nothing
		if found {
			faults = append(faults, f)
		}
		return found
	}
	add(rest.checkProbe())
	far := rest.farPositions()
	if len(far) > 0 {
		add(rest.farFault(far))
		rest.Rows, rest.Cols, rest.Index, near = without(rest.Rows, far), without(rest.Cols, far), nil, nil
	}
	add(rest.checkSpacing(near))
	return faults
}

// fewestPhotons is the number of photons in the median pattern above which an empty pattern cannot be chance: e^-20.
const fewestPhotons = 20

// empty returns the patterns without a count.
func (s *Scan) empty() (empty []int) {
	if s.Stored != nil && s.Stored.Totals() != nil {
		for j, total := range s.Stored.Totals() {
			if total == 0 {
				empty = append(empty, j)
			}
		}
		return empty
	}
	for j, pattern := range s.All() {
		if !slices.ContainsFunc(pattern, func(k float32) bool { return k != 0 }) {
			empty = append(empty, j)
		}
	}
	return empty
}

// checkEmpty finds patterns without photons, caused by a closed shutter or a dropped frame. The image would be fitted
// to them too. It reads a pattern only to its first count, unless one is empty.
func (s *Scan) checkEmpty() error {
	empty := s.empty()
	if err := s.Err(); err != nil || len(empty) == 0 {
		return err
	}
	totals := slices.Clone(s.Totals())
	if err := s.Err(); err != nil {
		return err
	}
	if Median(totals) < fewestPhotons {
		return nil
	}
	rows := s.fileRowsOf(empty)
	fix := "leave them out with --rows"
	if s.wholeFile() {
		if selection := allBut(rows); strings.Count(selection, ",") <= maxListed {
			fix += " " + selection
		}
	}
	return &Fault{
		ID: FaultEmpty, Patterns: empty,
		What: fmt.Sprintf("%d of %s no photons, first pattern %d; the median is %.4g", len(empty), words.Of(s.Len(), "pattern")+" "+words.Verb(len(empty), "has", "have"), rows[0], totals[len(totals)/2]),
		Fix:  fix,
	}
}

// wholeFile reports whether the scan has a file's patterns from the first on.
func (s *Scan) wholeFile() bool { return s.Index == nil || s.Index[s.Len()-1] == s.Len()-1 }

const (
	// A probe may be off-centre by a fifth of the window: beyond that its tails leave the window on one side. Known
	// good probes are off by less than a twentieth.
	maxOffCentre = 0.2
	// concentrated is the length, along each axis, that the mean of a probe's intensity on a circle needs for the
	// centre to have a meaning: an evenly filled window has 0, a disk of half the window's width 0.6.
	concentrated = 0.3
)

// ProbeCentre returns the centre (row, column) of Σ_modes|P|² in a periodic window: a probe that is split by the
// window's corners has its centre at (0, 0). sure is false if the probe fills the window. probe is [modes, n, n].
func ProbeCentre(probe []complex64, n int) (centre [2]float64, sure bool) {
	var sum float64
	var mean [2]complex128
	sin, cos := make([]float64, n), make([]float64, n)
	for at := range n {
		sin[at], cos[at] = math.Sincos(2 * math.Pi * float64(at) / float64(n))
	}
	for i, p := range probe {
		w := float64(real(p))*float64(real(p)) + float64(imag(p))*float64(imag(p))
		sum += w
		for axis, at := range [2]int{i % (n * n) / n, i % n} {
			mean[axis] += complex(w*cos[at], w*sin[at])
		}
	}
	sure = sum > 0
	for axis, z := range mean {
		sure = sure && math.Hypot(real(z), imag(z)) > concentrated*sum
		at := math.Atan2(imag(z), real(z)) / (2 * math.Pi) * float64(n)
		centre[axis] = math.Mod(at+float64(n), float64(n))
	}
	return centre, sure
}

// offCentre returns the signed distance, in pixels, of a centre from n/2 along each axis, the shorter way round.
func offCentre(centre [2]float64, n int) (off [2]float64) {
	for axis, at := range centre {
		off[axis] = at - float64(n/2)
		if off[axis] > float64(n)/2 {
			off[axis] -= float64(n)
		}
	}
	return off
}

// ProbeAtCorner reports whether the probe is centred at pixel (0, 0) instead of (N/2, N/2), the layout of a discrete
// Fourier transform. A measured probe is never split by the corners of its window.
func ProbeAtCorner(probe []complex64, n int) bool {
	centre, sure := ProbeCentre(probe, n)
	off := offCentre(centre, n)
	least := float64(n)/2 - float64(n)/8 // an eighth of the window around the corner
	return sure && math.Abs(off[0]) >= least && math.Abs(off[1]) >= least
}

func (s *Scan) checkProbe() error {
	if s.Probe == nil {
		return nil
	}
	centre, sure := ProbeCentre(s.Probe, s.N)
	off := offCentre(centre, s.N)
	if !sure || max(math.Abs(off[0]), math.Abs(off[1])) <= maxOffCentre*float64(s.N) {
		return nil
	}
	roll := [2]int{int(-math.Round(off[0])), int(-math.Round(off[1]))}
	return &Fault{
		ID: FaultProbeCentre,
		What: fmt.Sprintf("the probe is centred at pixel (%.1f, %.1f) (row, column) of its %d×%d window instead of (%d, %d), which would shift or cut the image",
			centre[0], centre[1], s.N, s.N, s.N/2, s.N/2),
		Fix: fmt.Sprintf("centre it with numpy.roll(probeGuess, (%d, %d), (-2, -1)), or leave it out to have a probe estimated from the patterns", roll[0], roll[1]),
	}
}

const (
	// A position is far away if it is more than farFactor median deviations from the median position, and farther from
	// all others than the window and half the size of the rest. A uniform field reaches to 2 median deviations.
	farFactor = 8
	// Up to an eighth of the positions may be errors. More are a second field of view.
	maxFar = 1. / 8
	// The spacing of this many positions, or more, indicates their unit.
	minPositions = 4
	// Positions are too close if they fit into half the probe's diameter along an axis and neighbours are closer than a
	// fiftieth of it: so dense a line adds nothing to fewer patterns.
	maxCrowded, minStep = 0.5, 0.02
	// Positions are too far apart if neighbours are one and a half diameters apart: no two patterns share a pixel.
	maxStep = 1.5
)

// checkPositions checks the distances between positions, relative to the probe's diameter.
func (s *Scan) checkPositions() error {
	if far := s.farPositions(); len(far) > 0 {
		return s.farFault(far)
	}
	return s.checkSpacing(nil)
}

// checkSpacing checks the span of the positions and the distance of neighbours. near, which may be nil, is a tree of the positions.
func (s *Scan) checkSpacing(near *Tree) error {
	if s.Len() < 2 {
		return nil
	}
	across, span, step := s.across(), s.span(), s.step(near)
	if span == 0 {
		return &Fault{
			ID:   FaultSame,
			What: fmt.Sprintf("all %d positions are the same, (%.6g, %.6g) (row, column), so that object and probe cannot be separated", s.Len(), s.Rows[0], s.Cols[0]),
			Fix:  "give xcoords and ycoords in object pixels, one position for each pattern",
		}
	}
	if s.Len() < minPositions {
		return nil
	}
	if slices.Equal(s.Rows, s.Cols) {
		return s.sameFault()
	}
	// An unknown probe counts as wide for positions that may be too far apart, and as narrow for positions that may be
	// too close.
	wide, narrow := float64(s.N), float64(s.N)/8
	of := fmt.Sprintf("the patterns' window is %d px wide", s.N)
	if s.Probe != nil {
		wide = ProbeDiameter(s.Probe, s.N)
		narrow = wide
		of = fmt.Sprintf("the probe's diameter is %.1f px", wide)
	}
	const unit = "give positions in object pixels: divide them by the object's pixel, wavelength · distance / (N · detector pixel), in the same unit, or give their unit with --position-units and the object pixel with --pixel-size"
	switch {
	case across < maxCrowded*narrow && step < minStep*narrow:
		return &Fault{
			ID:   FaultUnit,
			What: fmt.Sprintf("the positions span only %.3g by %.3g px and neighbours are %.3g px apart, but %s: the positions are in another unit, such as metres or micrometres", s.rowSpan(), s.colSpan(), step, of),
			Fix:  unit,
		}
	case step > maxStep*wide:
		return &Fault{
			ID:   FaultOverlap,
			What: fmt.Sprintf("neighbouring positions are %.4g px apart and all span %.4g px, but %s: no two patterns overlap; the positions are in another unit, such as nanometres, or the scan is too sparse", step, span, of),
			Fix:  unit,
		}
	}
	return nil
}

// farPositions lists patterns with positions far from all others, caused by an encoder's error.
func (s *Scan) farPositions() []int {
	if s.Len() < minPositions {
		return nil
	}
	middle := [2]float64{Median(slices.Clone(s.Rows)), Median(slices.Clone(s.Cols))}
	away := func(j int) float64 { return max(math.Abs(s.Rows[j]-middle[0]), math.Abs(s.Cols[j]-middle[1])) }
	spread := 0.0
	for axis, p := range [2][]float64{s.Rows, s.Cols} {
		d := make([]float64, len(p))
		for j, c := range p {
			d[j] = math.Abs(c - middle[axis])
		}
		spread = max(spread, Median(d))
	}
	order := make([]int, s.Len())
	some := false
	for j := range order {
		order[j] = j
		some = some || away(j) > farFactor*spread
	}
	if !some {
		return nil
	}
	// The rest grows outwards from the middle as long as the next position is near it.
	slices.SortFunc(order, func(a, b int) int {
		switch da, db := away(a), away(b); {
		case da < db:
			return -1
		case da > db:
			return 1
		}
		return a - b
	})
	low, high := middle, middle
	for at, j := range order {
		p := [2]float64{s.Rows[j], s.Cols[j]}
		gap := max(low[0]-p[0], p[0]-high[0], low[1]-p[1], p[1]-high[1])
		size := max(high[0]-low[0], high[1]-low[1])
		if away(j) > farFactor*spread && gap > max(float64(s.N), size/2) {
			far := slices.Sorted(slices.Values(order[at:]))
			if float64(len(far)) > maxFar*float64(s.Len()) {
				return nil
			}
			return far
		}
		for axis := range p {
			low[axis], high[axis] = min(low[axis], p[axis]), max(high[axis], p[axis])
		}
	}
	return nil
}

// maxNamed is the number of positions that a message lists, maxListed the number of rows that it excludes in a
// selection.
const maxNamed, maxListed = 4, 8

// farFault names the patterns and the selection without them.
func (s *Scan) farFault(far []int) error {
	rows := s.fileRowsOf(far)
	var named []string
	for i, j := range far[:min(len(far), maxNamed)] {
		named = append(named, fmt.Sprintf("pattern %d at (%.6g, %.6g)", rows[i], s.Rows[j], s.Cols[j]))
	}
	if len(far) > maxNamed {
		named = append(named, "…")
	}
	rest := *s
	rest.Rows, rest.Cols = without(s.Rows, far), without(s.Cols, far)
	fix := "correct xcoords and ycoords, or leave them out with --rows"
	if s.wholeFile() {
		fix = LeaveOut(rows)
	}
	return &Fault{
		ID: FaultFar, Patterns: far,
		What: fmt.Sprintf("%s far from the other %d, which span %.4g px: %s (row, column)", words.Of(len(far), "position")+" "+words.Verb(len(far), "is", "are"),
			rest.Len(), rest.span(), strings.Join(named, ", ")),
		Fix: fix,
	}
}

// LeaveOut returns the fix for patterns of a file, given by row, with invalid positions.
func LeaveOut(rows []int) string {
	fix := "correct xcoords and ycoords, or leave " + words.Verb(len(rows), "it", "them") + " out with --rows"
	if len(rows) <= maxListed {
		fix += " " + allBut(rows)
	}
	return fix
}

// fileRowsOf returns FileRows, also for a scan without a file.
func (s *Scan) fileRowsOf(patterns []int) []int {
	if s.Index == nil {
		return patterns
	}
	return s.FileRows(patterns)
}

// without returns the values of all other patterns.
func without(v []float64, far []int) []float64 {
	var out []float64
	for j, c := range v {
		if _, found := slices.BinarySearch(far, j); !found {
			out = append(out, c)
		}
	}
	return out
}

// allBut returns the selection, for ParseRows, of all rows of a file except these.
func allBut(rows []int) string {
	var terms []string
	from := 0
	for _, r := range rows {
		if r > from {
			terms = append(terms, fmt.Sprintf("%d:%d", from, r))
		}
		from = r + 1
	}
	return strings.Join(append(terms, fmt.Sprintf("%d:", from)), ",")
}
