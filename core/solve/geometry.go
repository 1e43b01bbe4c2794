package solve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/words"
)

// Orientation is one of the eight orientations of the positions' axes: first rows and columns are exchanged, then signs
// are changed.
type Orientation struct {
	Transposed bool `json:"transposed"`
	FlipRows   bool `json:"flip_rows"`
	FlipCols   bool `json:"flip_columns"`
}

// orientations returns all eight; the first keeps positions unchanged.
func orientations() []Orientation {
	var all []Orientation
	for i := range 8 {
		all = append(all, Orientation{i&4 != 0, i&1 != 0, i&2 != 0})
	}
	return all
}

// Apply returns the positions in this orientation about their middle.
func (o Orientation) Apply(rows, cols []float64) (y, x []float64) {
	y, x = slices.Clone(rows), slices.Clone(cols)
	if o.Transposed {
		y, x = x, y
	}
	turn := func(p []float64, flip bool) {
		middle := (slices.Min(p) + slices.Max(p)) / 2
		for j := range p {
			if flip {
				p[j] = 2*middle - p[j]
			}
		}
	}
	turn(y, o.FlipRows)
	turn(x, o.FlipCols)
	return y, x
}

// Twin returns the orientation rotated by another 180°. With the conjugate object and probe, both rotated too, it gives the
// same patterns:
//
//	|F(P(r)·O(r+p))| = |F(P*(−r)·O*(−(r+(−p))))|
//
// so that only a known probe that differs from its rotated conjugate distinguishes the two.
func (o Orientation) Twin() Orientation { return Orientation{o.Transposed, !o.FlipRows, !o.FlipCols} }

func (o Orientation) String() string {
	name := "as they are"
	if o.Transposed {
		name = "rows and columns exchanged"
	}
	flip := map[[2]bool]string{{true, false}: "rows flipped", {false, true}: "columns flipped", {true, true}: "both flipped"}[[2]bool{o.FlipRows, o.FlipCols}]
	switch {
	case flip == "":
		return name
	case o.Transposed:
		return name + ", then " + flip
	}
	return flip
}

// Flag returns the value of --positions that gives positions this orientation.
func (o Orientation) Flag() string {
	var words []string
	for _, w := range []struct {
		does bool
		name string
	}{{o.Transposed, "exchange"}, {o.FlipRows, "flip-rows"}, {o.FlipCols, "flip-columns"}} {
		if w.does {
			words = append(words, w.name)
		}
	}
	if words == nil {
		return "none"
	}
	return strings.Join(words, ",")
}

// Candidate is an orientation with the misfit of held-out patterns.
type Candidate struct {
	Orientation
	Name string  `json:"name"`
	R    float64 `json:"R_held_out"` // Σ(√λ − √k)²/Σk of the patterns held out
	each []float64
}

// Sureness is the degree to which the data decide.
type Sureness string

// The degrees. Certain and Likely compare R with the next orientation that is not the twin. Certain: a tenth lower and
// eight standard errors of the patterns' differences apart. Likely: four standard errors apart.
const (
	Certain   Sureness = "certain"
	Likely    Sureness = "likely"
	Undecided Sureness = "undecided"
)

// Geometry is the result of CheckGeometry.
type Geometry struct {
	Candidates []Candidate `json:"candidates"`    // best first
	FlatR      float64     `json:"R_flat"`        // of an empty object on the same patterns
	Patterns   int         `json:"patterns"`      // used; a quarter of them held out
	Sure       Sureness    `json:"sure"`          // of the first candidate, or its twin
	Separation float64     `json:"separation"`    // from the next candidate other than the twin, in standard errors
	TwinToo    bool        `json:"twin_possible"` // the data do not distinguish the first candidate from its twin
	ProbeFit   bool        `json:"probe_was_fitted"`
	NoProbe    bool        `json:"probe_was_estimated"`  // from the patterns: then the twin is always possible
	Scale      float64     `json:"scale,omitempty"`      // of the best step, if requested
	ScaleSure  bool        `json:"scale_sure,omitempty"` // whether Scale is better than 1
}

// Best returns the orientation that fits best.
func (g *Geometry) Best() Orientation { return g.Candidates[0].Orientation }

// HeldOut returns the number of patterns that were predicted.
func (g *Geometry) HeldOut() int { return len(g.Candidates[0].each) }

// Right reports whether the positions may stay unchanged.
func (g *Geometry) Right() bool {
	asIs := Orientation{}
	return g.Sure == Undecided || g.Best() == asIs || g.TwinToo && g.Best().Twin() == asIs
}

func (g *Geometry) String() string {
	best, next := g.Candidates[0], g.Candidates[1]
	if next.Orientation == best.Twin() {
		next = g.Candidates[2]
	}
	figures := fmt.Sprintf("R of held-out patterns %.4f, next %.4f (%v), empty object %.4f", best.R, next.R, next.Orientation, g.FlatR)
	twin := ""
	if g.TwinToo {
		twin = "; rotated by 180° with the conjugate object they fit as well"
		switch {
		case g.NoProbe:
			twin += ", because the probe comes from the same patterns"
		case g.ProbeFit:
			twin += ", because the probe was fitted too"
		default:
			twin += ", because the probe is symmetric"
		}
	}
	switch {
	case g.Sure == Undecided:
		return "the data do not determine the orientation of the positions: " + figures
	case g.Right():
		return fmt.Sprintf("the positions are right as they are (%s): %s%s", g.Sure, figures, twin)
	}
	return fmt.Sprintf("the positions are wrong (%s); right with %v: %s%s", g.Sure, best.Orientation, figures, twin)
}

// GeometryOptions are the options of CheckGeometry.
type GeometryOptions struct {
	Threads int
	Scale   bool // also try steps that are up to 20 % shorter or longer
}

const (
	geometryPatterns   = 160 // a connected part of the scan: the positions nearest to its middle
	geometryIterations = 12
	scaleIterations    = 40 // steps of a few per cent affect only detail, which converges later
	heldOut            = 4  // every fourth pattern is excluded from the fit
)

// CheckGeometry tries the eight orientations of the positions with short fits. Each fits the object to three of four
// patterns of a part of the scan and predicts the fourth. A wrong orientation cannot predict it, however well it fits
// the others. The probe is fixed, which also distinguishes an orientation from its twin. If the result is undecided, as
// with a probe that is far off, the probe is fitted too.
func CheckGeometry(ctx context.Context, s *scan.Scan, o GeometryOptions) (*Geometry, error) {
	fail := func(err error) (*Geometry, error) { return nil, fmt.Errorf("geometry check: %w", err) }
	if s.Len() < 3*heldOut {
		return fail(fmt.Errorf("%s too few, want at least %d", words.Of(s.Len(), "pattern")+" "+words.Verb(s.Len(), "is", "are"), 3*heldOut))
	}
	part, err := s.Select(middle(s, geometryPatterns))
	if err != nil {
		return fail(err)
	}
	estimated := part.Probe == nil
	if estimated {
		if part, err = withBestStart(ctx, part, o.Threads); err != nil {
			return fail(err)
		}
	}
	var g *Geometry
	for _, fit := range []bool{false, true} {
		next, err := checkOrientations(ctx, part, fit, o.Threads)
		if err != nil {
			return fail(err)
		}
		if g == nil || next.Sure != Undecided {
			g = next
		}
		if g.NoProbe = estimated; estimated {
			g.TwinToo = true
		}
		if g.Sure != Undecided {
			break
		}
	}
	if o.Scale {
		if err := g.checkScale(ctx, part, o.Threads); err != nil {
			return fail(err)
		}
	}
	return g, nil
}

// withBestStart returns the scan, if it has no probe, with the best of the probes estimated in the four orientations
// that are not twins of each other: an estimate with wrong positions is useless.
func withBestStart(ctx context.Context, part *scan.Scan, threads int) (*scan.Scan, error) {
	var best *Estimate
	for _, o := range []Orientation{{}, {FlipRows: true}, {Transposed: true}, {Transposed: true, FlipRows: true}} {
		moved := *part
		moved.Rows, moved.Cols = o.Apply(part.Rows, part.Cols)
		e, err := bestStart(ctx, &moved, ProbeOptions{Threads: threads})
		if err != nil && !errors.Is(err, ErrDiverged) {
			return nil, err
		}
		if err == nil && (best == nil || e.R < best.R) {
			best = e
		}
	}
	if best == nil {
		return nil, ErrDiverged
	}
	with := *part
	with.Probe, with.Modes = best.Probe, 1
	return &with, nil
}

// middle returns the patterns nearest to the middle of the scan, in order.
func middle(s *scan.Scan, count int) []int {
	all := make([]int, s.Len())
	for j := range all {
		all[j] = j
	}
	return middleOf(s, all, count)
}

// middleOf is middle for some patterns of a scan, in ascending order.
func middleOf(s *scan.Scan, rows []int, count int) []int {
	low, high := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	for _, j := range rows {
		low[0], high[0] = min(low[0], s.Rows[j]), max(high[0], s.Rows[j])
		low[1], high[1] = min(low[1], s.Cols[j]), max(high[1], s.Cols[j])
	}
	y, x := (low[0]+high[0])/2, (low[1]+high[1])/2
	all := slices.Clone(rows)
	distance := func(j int) float64 { return math.Hypot(s.Rows[j]-y, s.Cols[j]-x) }
	slices.SortStableFunc(all, func(i, j int) int { return cmp.Compare(distance(i), distance(j)) })
	all = all[:min(count, len(all))]
	slices.Sort(all)
	return all
}

func checkOrientations(ctx context.Context, part *scan.Scan, fit bool, threads int) (*Geometry, error) {
	g := &Geometry{Patterns: part.Len(), ProbeFit: fit}
	for _, o := range orientations() {
		moved := *part
		moved.Rows, moved.Cols = o.Apply(part.Rows, part.Cols)
		each, empty, err := predictHeldOut(ctx, &moved, fit, geometryIterations, threads)
		if err != nil {
			return nil, err
		}
		g.Candidates = append(g.Candidates, Candidate{Orientation: o, Name: o.String(), R: sum(each), each: each})
		g.FlatR = sum(empty)
	}
	slices.SortStableFunc(g.Candidates, func(a, b Candidate) int { return cmp.Compare(a.R, b.R) })
	g.decide()
	return g, nil
}

// decide compares the best candidate with the others, pattern by pattern.
func (g *Geometry) decide() {
	best := g.Candidates[0]
	g.Sure, g.Separation = Undecided, math.Inf(1)
	ratio := 0.0
	for _, c := range g.Candidates[1:] {
		t := standardErrors(best.each, c.each)
		if c.Orientation == best.Twin() {
			g.TwinToo = t < 4 || best.R > 0.95*c.R
			continue
		}
		g.Separation = min(g.Separation, t)
		ratio = max(ratio, best.R/c.R)
	}
	switch {
	case best.R > 0.95*g.FlatR: // no better than an empty object
	case g.Separation > 8 && ratio < 0.9:
		g.Sure = Certain
	case g.Separation > 4:
		g.Sure = Likely
	}
}

// standardErrors returns the mean of b − a over its standard error.
func standardErrors(a, b []float64) float64 {
	n := float64(len(a))
	var mean, square float64
	for j := range a {
		mean += (b[j] - a[j]) / n
	}
	for j := range a {
		d := b[j] - a[j] - mean
		square += d * d / (n - 1)
	}
	if square == 0 {
		return 0
	}
	return mean / math.Sqrt(square/n)
}

func sum(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s
}

// predictHeldOut fits the object to three of four patterns. It returns the misfits of the others over the sum of their
// counts, and those of an empty object.
func predictHeldOut(ctx context.Context, s *scan.Scan, fit bool, iterations, threads int) (each, empty []float64, err error) {
	v, err := newSolver(s, Options{Engine: LSQML, Iterations: iterations, Fit: Fit{Probe: fit}, Threads: threads, Batch: geometryPatterns / 8, NoLowFrequency: true})
	if err != nil {
		return nil, nil, err
	}
	defer v.team.close()
	out := v.holdOut()
	if _, err := v.start(); err != nil {
		return nil, nil, err
	}
	if empty, err = v.misfits(ctx, out); err != nil {
		return nil, nil, err
	}
	if err := v.search(ctx, &Result{}); err != nil {
		return nil, nil, err
	}
	each, err = v.misfits(ctx, out)
	return each, empty, err
}
