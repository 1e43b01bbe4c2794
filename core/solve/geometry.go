package solve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/plural"
)

// Orientation is one of the eight ways to lay the axes of the positions: first rows and columns change places, then their
// signs change.
type Orientation struct {
	Transposed bool `json:"transposed"`
	FlipRows   bool `json:"flip_rows"`
	FlipCols   bool `json:"flip_columns"`
}

// Orientations are all eight; the first leaves positions as they are.
func Orientations() []Orientation {
	var all []Orientation
	for i := range 8 {
		all = append(all, Orientation{i&4 != 0, i&1 != 0, i&2 != 0})
	}
	return all
}

// Apply gives the positions laid this way about their own middle.
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

// Twin is the orientation turned by 180° more. With the conjugate object and probe, both turned too, it makes exactly the
// same patterns:
//
//	|F(P(r)·O(r+p))| = |F(P*(−r)·O*(−(r+(−p))))|
//
// so that only a probe that is known, and differs from its own turned conjugate, tells the two apart.
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

// Candidate is an orientation with the misfit of patterns that took no part in the fit.
type Candidate struct {
	Orientation
	Name string  `json:"name"`
	R    float64 `json:"R_held_out"` // Σ(√λ − √k)²/Σk of the patterns held out
	each []float64
}

// Sureness says how far the data decide.
type Sureness string

// The degrees. Certain and Likely compare R with the next orientation that is not the twin: a tenth lower and eight
// standard errors of the patterns' differences apart, or four standard errors.
const (
	Certain   Sureness = "certain"
	Likely    Sureness = "likely"
	Undecided Sureness = "undecided"
)

// Geometry is what the data say about the positions.
type Geometry struct {
	Candidates []Candidate `json:"candidates"`    // best first
	FlatR      float64     `json:"R_flat"`        // of an empty object on the same patterns
	Patterns   int         `json:"patterns"`      // that were used, a quarter of them held out
	Sure       Sureness    `json:"sure"`          // that the first candidate, or its twin, is right
	Separation float64     `json:"separation"`    // from the next candidate that is no twin, standard errors
	TwinToo    bool        `json:"twin_possible"` // the data cannot tell the first candidate from its twin
	ProbeFit   bool        `json:"probe_was_fitted"`
	NoProbe    bool        `json:"probe_was_estimated"`  // from the patterns: then the twin is always possible
	Scale      float64     `json:"scale,omitempty"`      // of the step that fits best, when it was asked for
	ScaleSure  bool        `json:"scale_sure,omitempty"` // that Scale is better than 1
}

// Best is the orientation that fits best.
func (g *Geometry) Best() Orientation { return g.Candidates[0].Orientation }

// Right says whether the positions may stay as they are.
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
		twin = "; turned by 180° with the conjugate object they fit as well"
		switch {
		case g.NoProbe:
			twin += ", since the probe comes from the same patterns"
		case g.ProbeFit:
			twin += ", since the probe was fitted too"
		default:
			twin += ", since the probe is symmetric"
		}
	}
	switch {
	case g.Sure == Undecided:
		return "the data do not tell how the positions are oriented: " + figures
	case g.Right():
		return fmt.Sprintf("the positions are right as they are (%s): %s%s", g.Sure, figures, twin)
	}
	return fmt.Sprintf("the positions are wrong (%s); right with %v: %s%s", g.Sure, best.Orientation, figures, twin)
}

// GeometryOptions say how CheckGeometry works.
type GeometryOptions struct {
	Threads int
	Scale   bool // also try steps that are up to 20 % shorter or longer
}

const (
	geometryPatterns   = 160 // a connected part of the scan: the positions nearest to its middle
	geometryIterations = 12
	scaleIterations    = 40 // steps of a few per cent show in detail, which takes longer
	heldOut            = 4  // every fourth pattern takes no part in the fit
)

// CheckGeometry tries the eight orientations of the positions with short fits. Each fits the object to three of four
// patterns of a part of the scan and predicts the fourth: a wrong orientation cannot, however well it fits what it has
// seen. The probe is held as given, which also tells an orientation from its twin; only when that decides nothing, as
// with a probe that is far off, it is fitted too.
func CheckGeometry(ctx context.Context, s *scan.Scan, o GeometryOptions) (*Geometry, error) {
	fail := func(err error) (*Geometry, error) { return nil, fmt.Errorf("geometry check: %w", err) }
	if s.Len() < 3*heldOut {
		return fail(fmt.Errorf("%s too few, at least %d are needed", plural.Of(s.Len(), "pattern")+" "+plural.Verb(s.Len(), "is", "are"), 3*heldOut))
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

// withBestStart gives a scan without a probe the one that fits best of those estimated in the four orientations that are
// no twins of each other: an estimate with wrong positions is of no use.
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

// middle lists the patterns nearest to the middle of the scan, in order.
func middle(s *scan.Scan, count int) []int {
	all := make([]int, s.Len())
	for j := range all {
		all[j] = j
	}
	y, x := (slices.Min(s.Rows)+slices.Max(s.Rows))/2, (slices.Min(s.Cols)+slices.Max(s.Cols))/2
	distance := func(j int) float64 { return math.Hypot(s.Rows[j]-y, s.Cols[j]-x) }
	slices.SortStableFunc(all, func(i, j int) int { return cmp.Compare(distance(i), distance(j)) })
	all = all[:min(count, len(all))]
	slices.Sort(all)
	return all
}

func checkOrientations(ctx context.Context, part *scan.Scan, fit bool, threads int) (*Geometry, error) {
	g := &Geometry{Patterns: part.Len(), ProbeFit: fit}
	for _, o := range Orientations() {
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
	case best.R > 0.95*g.FlatR: // no better than no object
	case g.Separation > 8 && ratio < 0.9:
		g.Sure = Certain
	case g.Separation > 4:
		g.Sure = Likely
	}
}

// standardErrors is the mean of b − a over its standard error.
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

// predictHeldOut fits the object to three of four patterns and gives the misfits of the others over the sum of their
// counts, and those of an empty object.
func predictHeldOut(ctx context.Context, s *scan.Scan, fit bool, iterations, threads int) (each, empty []float64, err error) {
	v, err := newSolver(s, Options{Engine: LSQML, Iterations: iterations, Fit: Fit{Probe: fit}, Threads: threads, Batch: geometryPatterns / 8})
	if err != nil {
		return nil, nil, err
	}
	defer v.team.close()
	var out []int
	for j := range s.Len() {
		if j%heldOut == heldOut/2 {
			out = append(out, j)
		} else {
			v.members = append(v.members, j)
		}
	}
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

// misfits is Σ(√λ − √k)² of each of the patterns, over the sum of their counts.
func (v *solver) misfits(ctx context.Context, rows []int) ([]float64, error) {
	out := make([]float64, len(rows))
	photons := 0.0
	for from := 0; from < len(rows); from += len(v.slots) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		slots := v.slots[:min(len(v.slots), len(rows)-from)]
		v.each(len(slots), func(w, i int) {
			v.expect(v.works[w], slots[i], rows[from+i])
			v.compare(slots[i], false)
			out[from+i] = slots[i].misfit
		})
	}
	for _, j := range rows {
		for _, k := range v.data.Pattern(j) {
			photons += float64(k)
		}
	}
	for i := range out {
		out[i] /= max(photons, 1)
	}
	return out, nil
}
