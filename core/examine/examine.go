// Package examine finds faults in a scan before it is reconstructed: detector pixels that do not count, frames that do not belong,
// counts that are not photons. It reads patterns through an interface, keeps a few values per pixel and per frame, and looks at a
// bounded number of frames of a large scan. Its result depends on the data alone.
//
// Every test states the chance of its finding in a faultless scan, from Poisson statistics or from the spread of the same statistic over
// the other pixels or frames of the scan, as an upper bound that includes the number of pixels and frames tested. A finding needs a
// chance below Alpha.
//
// It is a package of its own because it depends on nothing but patterns, positions and mask, and can be tested on them alone.
//
// Coordinates are (row, column) of the detector. Frames are named by their rows in the file.
package examine

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/sweep"
	"github.com/ptychogo/ptycho/internal/words"
)

// Alpha is the chance of a false finding of one test on a faultless scan.
const Alpha = 1e-6

// Severity is the effect of a fault on the image.
type Severity string

// The severities.
const (
	Note    Severity = "note"    // the image is right
	Warning Severity = "warning" // the image may be worse than it need be
	Wrong   Severity = "wrong"   // the image is expected to be wrong
)

// A Finding is a fault or a property of a scan.
type Finding struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	What     string   `json:"what"` // what was found, with numbers
	Fix      string   `json:"fix"`  // what to do, "" if nothing
	// LogChance is the decimal logarithm of an upper bound of the chance of the finding in a faultless scan.
	LogChance float64            `json:"log10_chance"`
	Pixels    [][2]int           `json:"pixels,omitempty"` // row, column
	Frames    []int              `json:"frames,omitempty"`
	Values    [][3]int           `json:"values,omitempty"` // frame, row, column, where single values are meant
	Evidence  map[string]float64 `json:"evidence,omitempty"`
}

// Advice returns what was found and what to do.
func (f Finding) Advice() string {
	if f.Fix == "" {
		return f.What
	}
	return f.What + "; " + f.Fix
}

// The identifiers of findings.
const (
	Marked     = "marked-pixels"
	Dead       = "dead-pixels"
	Stuck      = "stuck-pixels"
	Hot        = "hot-pixels"
	Clipped    = "clipped-counts"
	Wrapped    = "wrapped-counts"
	Offset     = "count-offset"
	Unit       = "count-unit"
	Corner     = "zero-frequency-at-corner"
	Centre     = "beam-off-centre"
	Empty      = "empty-frames"
	Bright     = "bright-frames"
	Exposure   = "exposure-changes"
	Cosmic     = "cosmic-rays"
	Duplicates = "duplicate-frames"
	Order      = "frame-order"
	Stop       = "beam-stop"
	Hidden     = "mask-hides-beam"
	Flat       = "flat-field"

	PositionUnit  = scan.FaultUnit
	Lone          = scan.FaultFar
	SamePositions = scan.FaultSame
	LowOverlap    = scan.FaultOverlap
	Canvas        = "canvas-size"
	Line          = "single-line"
	FewPatterns   = "few-patterns"
	Orientation   = "orientation" // of a geometry check
	ProbeCentre   = scan.FaultProbeCentre
	WideProbe     = "probe-fills-window"
	ProbePower    = "probe-power"
	ProbeSize     = "probe-scale"

	FrameMisfit = "frame-misfit" // these are found after a reconstruction
	PixelMisfit = "pixel-misfit"
	FewPhotons  = "few-photons"
	Overfit     = "overfit"
	PoorFit     = "poor-fit"
)

// Patterns yields the patterns of a scan.
type Patterns interface {
	Len() int
	// Pattern returns pattern i, [N, N] row-major. It is valid until the next call and is not changed.
	Pattern(i int) []float32
}

// Input is a scan.
type Input struct {
	N        int
	Patterns Patterns
	Rows     []float64 // [n] positions in object pixels
	Cols     []float64
	Index    []int   // [n] row of each pattern in the file, by which findings name frames; nil: its index
	Mask     []uint8 // [N, N] 1 for a valid pixel; nil: all valid
	Diameter float64 // of the probe in object pixels; 0 if unknown
	Probe    []complex64
	Modes    int // of the probe, [Modes, N, N]
}

// mostValues bounds the values that one pass over the patterns reads. One pass reads that many; others do after a finding.
// The others read every so many frames, fewValues in all.
const mostValues, fewValues = 1 << 30, 1 << 23

// fewestFrames is the least number of frames that are examined; fewer than fewestPatterns are a finding.
const fewestFrames, fewestPatterns = 8, 4

// Run returns the findings, the most severe first.
func Run(ctx context.Context, in Input) ([]Finding, error) {
	n := in.Patterns.Len()
	switch {
	case in.N < 1, len(in.Rows) != n, len(in.Cols) != n, in.Index != nil && len(in.Index) != n, in.Mask != nil && len(in.Mask) != in.N*in.N:
		return nil, fmt.Errorf("examine: %d patterns of side %d do not fit %d rows, %d columns and a mask of %d pixels", n, in.N, len(in.Rows), len(in.Cols), len(in.Mask))
	case n < fewestPatterns:
		return []Finding{{
			ID: FewPatterns, Severity: Wrong, Evidence: map[string]float64{"patterns": float64(n)},
			What: fmt.Sprintf("%s cannot determine an image: each part of the object must be in several", words.Of(n, "pattern")), Fix: "read more patterns, or measure more",
		}}, nil
	case n < fewestFrames:
		return nil, nil
	}
	p := newProfile(in)
	found, err := p.run(ctx)
	if err == nil {
		found, err = examineAgain(ctx, in, p, found)
	}
	if err != nil {
		return nil, err
	}
	rank := map[Severity]int{Wrong: 0, Warning: 1, Note: 2}
	slices.SortStableFunc(found, func(a, b Finding) int { return rank[a.Severity] - rank[b.Severity] })
	return found, nil
}

// run makes all tests, one after the other: each excludes the pixels and frames that it names from those after it.
func (p *profile) run(ctx context.Context) ([]Finding, error) {
	var found []Finding
	for _, step := range []func(context.Context) ([]Finding, error){p.constants, p.frames, p.singles, p.pixels, p.counts, p.geometry, p.probe, p.size, p.flat, p.order, p.exposure} {
		f, err := step(ctx)
		if err != nil {
			return nil, err
		}
		for _, one := range f {
			p.found[one.ID] = true
		}
		found = append(found, f...)
	}
	return explained(found, p.found), nil
}

// explained removes findings that another one explains.
func explained(found []Finding, is map[string]bool) []Finding {
	return slices.DeleteFunc(found, func(f Finding) bool {
		switch f.ID {
		case ProbeSize:
			return is[ProbeCentre] || is[WideProbe] || is[Corner]
		case Flat:
			return is[Wrapped] // the pixels that wrap around have other means
		}
		return false
	})
}

// A profile is what the passes collect.
type profile struct {
	Input
	sweep.Measures                 // of the frames examined
	at             []int           // frames examined
	few            []bool          // [len(at)] also examined by the slower tests
	out            []bool          // [len(at)] left out by a finding
	bad            []bool          // [N·N] masked, or left out by a finding
	found          map[string]bool // identifiers of findings

	whole       bool         // all counts are whole numbers
	unit        int          // largest common divisor of the counts; 0: not whole
	noise       float64      // variance of a count over its mean, in units; at least 1
	least, most []float32    // [N·N] least of the few frames, largest of all
	high        []float32    // [N·N] largest of the few that are not left out
	highest     []float32    // [N·N] largest of the few, with masked pixels
	all         []float64    // [N·N] sum of the few, with masked pixels
	evenOdd     [2][]float64 // the same of the even and of the odd of the few
	sum         []float64    // [N·N] of the few frames that are not left out
	used        int          // of the few, those that are not left out
	fewAll      int          // the few
	cosmic      map[[2]int]bool
	base        float64        // counts of every pixel that are not photons
	scratch     []float32      // a pattern
	places      *places        // of all patterns
	scale       float64        // of the right probe relative to the given one, if it is another
	unknown     []bool         // [N·N] pixels that were left out before, which may be brighter than those around; nil: none
	spoilt      []bool         // [N·N] pixels whose counts are wrong in many frames, by a finding about all counts
	below       []bool         // [N·N] without a count although an offset was added to all
	blocks      map[int]*block // of constant pixels
	lag         int            // frame i belongs to position i − lag
	tails       *tails         // of the values of the few frames
	plans       *spectrum      // see spectrum
}

func newProfile(in Input) *profile {
	size := in.N * in.N
	at, few := chosen(in.Patterns.Len(), size)
	n := len(at)
	p := &profile{Input: in, at: at, out: make([]bool, n), few: make([]bool, n), bad: make([]bool, size), whole: true, noise: 1, cosmic: map[[2]int]bool{}, found: map[string]bool{}}
	p.least, p.most, p.high, p.highest, p.sum, p.all = make([]float32, size), make([]float32, size), make([]float32, size), make([]float32, size), make([]float64, size), make([]float64, size)
	for _, j := range few {
		p.few[j] = true
	}
	p.used, p.fewAll = len(few), len(few)
	for i, m := range in.Mask {
		p.bad[i] = m == 0
	}
	return p
}

// chosen returns the frames that are examined, and the indices in them of those of the slower tests.
func chosen(patterns, pixels int) (at, few []int) {
	at = scan.Thin(indices(patterns), max(fewestFrames, mostValues/pixels))
	return at, scan.Thin(indices(len(at)), max(fewestSlow, fewValues/pixels))
}

// fewestSlow is the least number of frames that the slower tests examine, where there are as many.
const fewestSlow = 200

// some passes the few frames that are not left out, by their index in p.at, to visit.
func (p *profile) some(ctx context.Context, visit func(j int, counts []float32)) error {
	return p.those(ctx, func(j int) bool { return p.few[j] }, visit)
}

// each passes the frames that are not left out, by their index in p.at, to visit.
func (p *profile) each(ctx context.Context, visit func(j int, counts []float32)) error {
	return p.those(ctx, func(int) bool { return true }, visit)
}

func (p *profile) those(ctx context.Context, are func(j int) bool, visit func(j int, counts []float32)) error {
	for j, i := range p.at {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if !p.out[j] && are(j) {
			visit(j, p.Patterns.Pattern(i))
		}
	}
	return nil
}

// near calls visit with the pixels around i, at most 8.
func (p *profile) near(i int, visit func(q int)) {
	y, x := i/p.N, i%p.N
	for dy := -1; dy <= 1; dy++ {
		for dx := -1; dx <= 1; dx++ {
			if v, u := y+dy, x+dx; (dy != 0 || dx != 0) && v >= 0 && v < p.N && u >= 0 && u < p.N {
				visit(v*p.N + u)
			}
		}
	}
}

func (p *profile) coordinates(pixels []int) [][2]int {
	out := make([][2]int, len(pixels))
	for k, i := range pixels {
		out[k] = [2]int{i / p.N, i % p.N}
	}
	return out
}

// fileFrames returns the rows in the file of examined frames.
func (p *profile) fileFrames(of []int) []int {
	out := make([]int, len(of))
	for k, j := range of {
		out[k] = p.at[j]
		if p.Index != nil {
			out[k] = p.Index[p.at[j]]
		}
	}
	return out
}

// leaveOut excludes pixels from the following tests.
func (p *profile) leaveOut(pixels []int) {
	for _, i := range pixels {
		p.bad[i] = true
	}
}

// leastLog is the lowest LogChance that is reported.
const leastLog = -9999

// decimal converts a natural logarithm for LogChance.
func decimal(logChance float64) float64 {
	return max(math.Round(logChance/math.Ln10*10)/10, leastLog)
}
