package solve

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/raster"
)

// Engine names an iterative algorithm.
type Engine string

// The engines. For formulas and papers see pie.go, projections.go, lsqml.go and adam.go.
const (
	EPIE          Engine = "epie"
	RPIE          Engine = "rpie"
	DifferenceMap Engine = "dm"
	RAAR          Engine = "raar"
	LSQML         Engine = "lsqml"
	Adam          Engine = "adam"
)

// Engines returns all engines.
func Engines() []Engine { return []Engine{EPIE, RPIE, DifferenceMap, RAAR, LSQML, Adam} }

// ParseEngine reads the name of an engine, the value of --engine. Its error lists all engines.
func ParseEngine(s string) (Engine, error) {
	if e := Engine(s); slices.Contains(Engines(), e) {
		return e, nil
	}
	return "", fmt.Errorf("unknown engine %q, want one of %v", s, Engines())
}

// Fit selects the quantities that are fitted besides the object.
type Fit struct {
	Probe      bool `json:"probe"`      // all modes, orthogonal after every iteration
	Background bool `json:"background"` // incoherent counts per pixel: a constant and a smooth part
	Positions  bool `json:"positions"`  // to a fraction of a pixel, within Options.PositionBound
	Affine     bool `json:"affine"`     // also the part of the positions that is affine in the given ones; needs Positions
	Intensity  bool `json:"intensity"`  // one factor for every pattern
}

// ParseFit reads names separated by commas: probe, background, positions, affine, intensity. "none" and "" fit the object alone.
func ParseFit(s string) (Fit, error) {
	var f Fit
	if s == "none" || s == "" {
		return f, nil
	}
	for _, name := range strings.Split(s, ",") {
		switch strings.TrimSpace(name) {
		case "probe":
			f.Probe = true
		case "background":
			f.Background = true
		case "positions":
			f.Positions = true
		case "affine":
			f.Affine = true
		case "intensity":
			f.Intensity = true
		case "auto":
			return f, fmt.Errorf("cannot fit %q: auto chooses by itself, write auto alone", s)
		default:
			return f, fmt.Errorf("cannot fit %q, want probe, background, positions, affine and intensity, separated by commas; none; or auto alone", s)
		}
	}
	if f.Affine && !f.Positions {
		return f, fmt.Errorf("cannot fit %q: affine is a part of the positions, write positions,affine", s)
	}
	return f, nil
}

// Names returns the fitted quantities, as ParseFit reads them.
func (f Fit) Names() []string {
	names := []string{}
	for _, c := range []struct {
		on   bool
		name string
	}{{f.Probe, "probe"}, {f.Background, "background"}, {f.Positions, "positions"}, {f.Affine, "affine"}, {f.Intensity, "intensity"}} {
		if c.on {
			names = append(names, c.name)
		}
	}
	return names
}

// Options are the options of Solve. Zero values mean the documented defaults.
type Options struct {
	Engine     Engine // default EPIE
	Iterations int    // passes over all patterns; default 30
	Fit        Fit
	Modes      int    // of the probe, 1 to 16; default: those of the scan's probe
	Seed       uint64 // of the order of the patterns
	Threads    int    // goroutines; default one per processor; without effect on the result

	// Batch is the number of patterns processed at a time; the default depends on engine and scan. Unlike Threads it
	// changes the result.
	Batch int
	// ObjectStep and ProbeStep scale the engine's steps; default 1.
	ObjectStep, ProbeStep float64
	// FinalStep is the share of LSQML's steps in the last iteration, reached linearly; default 1.
	FinalStep float64
	// PositionBound is the largest distance of a fitted position from the given one, along each axis, in object pixels;
	// default 8.
	PositionBound float64
	// Patience is the number of iterations without an improvement of R by a thousandth before the run stops; default
	// 20.
	Patience int

	// ProbeEstimated says that the scan's probe is an estimate, which cannot fix the phase ramp; see Gauge.
	ProbeEstimated bool

	// ExposureChanges fits one intensity for each level of exposure where the counts of the patterns show levels that are clearly apart.
	// Otherwise each pattern has its own, which starts from 1.
	ExposureChanges bool
	// Misfits requests Result.Misfits, which cost a pass over the patterns.
	Misfits bool
	// NoLowFrequency leaves out the low-frequency step after each iteration, see slowphase.go.
	NoLowFrequency bool

	// Start is the initial object; nil: amplitude 1 everywhere.
	Start *Start
	// Background is the initial background, counts per pixel, [N, N] as the patterns; nil: none, or an estimate if it
	// is fitted.
	Background []float32

	Stop     <-chan struct{} // if closed, return the result of the last whole iteration
	Progress func(Iteration) // called after every iteration
	// ProbeErrors is the number of standard errors by which the probe must lower the misfits of held-out patterns for Choose to keep it;
	// 0: any lower residual is enough, and the probe is fitted where the patterns are too few to hold some out.
	ProbeErrors float64
	// Trial is called before each fit of Choose, with its name as in Trial.Name, or "object" for the first.
	Trial func(name string)

	// Preview receives the image after every PreviewEvery iterations; an error ends the run.
	PreviewEvery int
	Preview      func(raster.Stitched) error
}

// Start is an initial object with pixel (0, 0) at Origin; outside of it the amplitude is 1.
type Start struct {
	Object   []complex64 // [Height, Width]
	Height   int
	Width    int
	Origin   [2]float64 // row, column
	Coverage []float32  // [Height, Width]; 0 means outside; nil: all covered
}

// Iteration describes the state of a run.
type Iteration struct {
	Number   int     `json:"iteration"` // from 1
	R        float64 `json:"R"`         // Σ(√λ − √k)²/Σk, each pattern in its state during the iteration
	Deviance float64 `json:"deviance"`  // per pixel, alike
}

// Limits of a run.
const (
	maxModes      = 16
	maxIterations = 1 << 20
)

func (o Options) withDefaults() (Options, error) {
	if o.Engine == "" {
		o.Engine = EPIE
	}
	whole := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	real := func(v *float64, d float64) {
		if *v == 0 {
			*v = d
		}
	}
	whole(&o.Iterations, 30)
	whole(&o.Patience, 20)
	real(&o.ObjectStep, 1)
	real(&o.ProbeStep, 1)
	real(&o.FinalStep, 1)
	real(&o.PositionBound, 8)
	positive := func(v float64) bool { return v > 0 && !math.IsInf(v, 0) }
	switch {
	case !slices.Contains(Engines(), o.Engine):
		return o, fmt.Errorf("unknown engine %q, want one of %v", o.Engine, Engines())
	case o.Iterations < 1 || o.Iterations > maxIterations:
		return o, fmt.Errorf("--iterations is %d, want 1 to %d", o.Iterations, maxIterations)
	case o.Modes < 0 || o.Modes > maxModes:
		return o, fmt.Errorf("--modes is %d, want 1 to %d", o.Modes, maxModes)
	case o.Batch < 0 || o.Batch > 1<<12:
		return o, fmt.Errorf("batch is %d, want 1 to %d", o.Batch, 1<<12)
	case o.Patience < 1:
		return o, fmt.Errorf("patience is %d, want at least 1", o.Patience)
	case !positive(o.ObjectStep) || !positive(o.ProbeStep) || !positive(o.FinalStep):
		return o, fmt.Errorf("steps are %v (object), %v (probe) and %v (final), want positive numbers", o.ObjectStep, o.ProbeStep, o.FinalStep)
	case o.FinalStep > 1 || o.FinalStep != 1 && o.Engine != LSQML:
		return o, fmt.Errorf("final step is %v with %s, want at most 1 and lsqml", o.FinalStep, o.Engine)
	case !positive(o.PositionBound) || o.PositionBound > 64:
		return o, fmt.Errorf("--position-bound is %v, want above 0, to 64", o.PositionBound)
	}
	return o, nil
}

// fall returns the factor of the steps in an iteration, counted from 1.
func (o Options) fall(number int) float32 {
	done := float64(number-1) / float64(max(o.Iterations-1, 1))
	return float32(1 - (1-o.FinalStep)*done)
}
