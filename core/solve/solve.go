// Package solve reconstructs a scan iteratively from the patterns, without a network, in seconds. Object, probe,
// background, positions and intensities are fitted to
//
//	λ_j = c_j · Σ_modes |F(P·O_j)|² + background
//
// in float32 on all cores; the result does not depend on their number. Coordinates are (row y, column x) in object
// pixels. A patch O_j is sampled bilinearly at the pattern's sub-pixel position, and its correction is
// added by the adjoint: the same interpolation as in core/raster, core/metrics and the network's forward model, so
// that R is comparable. The probe is scaled so that an object of amplitude 1 gives the mean
// counts.
package solve

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/cmplx"
	"slices"

	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/words"
)

// Result is a reconstruction.
type Result struct {
	Object   raster.Complex // 0 if uncovered
	Coverage raster.Real    // Σ|P|² over the patterns, divided by the probe's peak
	// Origin is the scan coordinate (row, column) of pixel (0, 0): a pattern at (y, x) has pixel N/2 of its patch at
	// object pixel (y, x) − Origin.
	Origin [2]float64

	Probe      []complex64 // [Modes, N, N]: an object of amplitude 1 gives the mean counts
	Modes      int
	ModeShares []float64 // of the probe's power, strongest first
	Background []float32 // [N, N] counts; nil: none
	Rows, Cols []float64 // positions, as fitted
	Intensity  []float64 // factor of each pattern; mean 1
	Gauge      *Gauge    // of a fitted probe; nil if it was not fitted

	Final                   // NaN if the run was stopped before it was computed
	Misfits metrics.Misfits // of the parts of R; empty if not requested, or if the run was stopped before
	History []Iteration
	Ended   string // reason of the end: iterations, converged or stopped
	Notes   []string
}

// ErrDiverged reports that even the smallest steps did not improve the fit.
var ErrDiverged = errors.New("the iterations diverge even with steps of a sixteenth")

// algorithm runs one iteration over all patterns.
type algorithm func(ctx context.Context, number int) (Iteration, error)

// errStopped reports that a run was stopped before the end of its first iteration and has no result.
var errStopped = fmt.Errorf("stopped before the end of the first iteration: %w", context.Canceled)

// Solve reconstructs a scan. A closed o.Stop ends it after the current batch, with the result of the last whole
// iteration; the end of ctx ends it without a result.
func Solve(ctx context.Context, s *scan.Scan, o Options) (*Result, error) {
	v, err := newSolver(s, o)
	if err != nil {
		return nil, fmt.Errorf("solve: %w", err)
	}
	defer v.team.close()
	r, err := v.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("solve: %w", err)
	}
	return r, nil
}

// Divergence: a run returns to its best state, with half the steps, if the numbers are not finite or R is twice that of
// the start; at most four times.
const (
	maxHalvings = 4
	minProgress = 1e-3 // improvement of R that counts, relative
)

// diverging returns the multiple of the start's R that counts as divergence. It is larger for the difference map, which
// leaves the neighbourhood of one solution on its way to another.
func (v *solver) diverging() float64 {
	if v.o.Engine == DifferenceMap || v.o.Engine == RAAR {
		return 20
	}
	return 2
}

func (v *solver) run(ctx context.Context) (*Result, error) {
	result := &Result{Ended: "iterations"}
	if err := v.search(ctx, result); err != nil {
		return nil, err
	}
	if v.o.Misfits && result.Ended != "stopped" {
		misfits, err := v.compareAll(ctx)
		switch {
		case errors.Is(err, errStopped):
			result.Ended = "stopped"
		case err != nil:
			return nil, err
		default:
			result.Misfits = misfits
		}
	}
	v.fill(result)
	return result, v.data.Err()
}

// search iterates and leaves the best model.
func (v *solver) search(ctx context.Context, result *Result) error {
	iterate, err := v.start()
	if err != nil {
		return err
	}
	before, err := v.evaluate(ctx, false)
	if err != nil {
		return err
	}
	best, bestAt, halvings, bestR := v.copied(), 0, 0, before.R
	var began state
	for number := 1; number <= v.o.Iterations; number++ {
		v.begin(&began)
		it, err := iterate(ctx, number)
		if errors.Is(err, errStopped) && len(result.History) > 0 {
			v.set(began)
			v.stop(result, best)
			return nil
		}
		if err != nil && !errors.Is(err, errDiverged) {
			return err
		}
		if err != nil || it.R > v.diverging()*before.R {
			if halvings++; halvings > maxHalvings {
				return ErrDiverged
			}
			v.set(best)
			v.slow, v.speed = v.slow/2, nil
			if iterate, err = v.start(); err != nil {
				return err
			}
			result.Notes = append(result.Notes, fmt.Sprintf("iteration %d diverged: returned to the best state with half the steps", number))
			continue
		}
		result.History = append(result.History, it)
		if v.o.Progress != nil {
			v.o.Progress(it)
		}
		// The figures of an iteration describe its initial state, which is therefore known to be good.
		if it.R < bestR {
			best, began = began, best // the next iteration overwrites the other
		}
		if it.R < bestR*(1-minProgress) {
			bestR, bestAt = it.R, number
		}
		if err := v.preview(number); err != nil {
			return err
		}
		if v.check != nil {
			if enough, err := v.check(number); err != nil || enough {
				return err
			}
		}
		if number-bestAt >= v.o.Patience {
			result.Ended = "converged"
			break
		}
	}
	return v.settle(ctx, result, best)
}

func (v *solver) preview(number int) error {
	if v.o.Preview == nil || v.o.PreviewEvery <= 0 || number%v.o.PreviewEvery != 0 {
		return nil
	}
	return v.o.Preview(v.image())
}

// stop ends a run with the current state, or with the best one if the current is not finite. Evaluating both would take
// as long as an iteration.
func (v *solver) stop(result *Result, best state) {
	if !finite(v.object) || slices.ContainsFunc(v.probe, func(mode []complex64) bool { return !finite(mode) }) {
		v.set(best)
		result.Gauge = nil
	}
	result.Ended, result.Final = "stopped", Final{R: math.NaN(), Deviance: math.NaN(), Expected: math.NaN()}
	if result.Gauge == nil {
		result.Gauge = v.fixRamp()
	}
}

// settle evaluates the last state, and the best one if that is another and better. After a stop it keeps the last
// state.
func (v *solver) settle(ctx context.Context, result *Result, best state) error {
	var err error
	v.before = nil // the images of the iterations are not needed any more
	result.Gauge = v.fixRamp()
	result.Final, err = v.evaluate(ctx, true)
	if errors.Is(err, errStopped) {
		v.stop(result, best)
		return nil
	}
	if err != nil && !errors.Is(err, errDiverged) {
		return err
	}
	diverged := err != nil
	v.state, best = best, v.state // best is the last state from here on
	gauge := v.fixRamp()
	other, otherErr := v.evaluate(ctx, true)
	switch {
	case otherErr == nil && (diverged || other.R < result.R):
		result.Final, result.Gauge = other, gauge
	case diverged:
		return ErrDiverged
	default:
		v.state = best
		if errors.Is(otherErr, errStopped) {
			result.Ended = "stopped"
		}
	}
	return nil
}

// ended returns the reason to end before the next batch, or nil.
func (v *solver) ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := v.data.Err(); err != nil {
		return err
	}
	select {
	case <-v.o.Stop:
		return errStopped
	default:
		return nil
	}
}

// start creates the engine's algorithm.
func (v *solver) start() (algorithm, error) {
	size := v.o.Batch
	if size == 0 {
		size = pieBatch
		switch v.o.Engine {
		case Adam:
			size = adamBatch
		case LSQML:
			size = lsqmlBatch
		}
	}
	if v.o.Batch == 0 { // a small scan has few batches per iteration
		size = min(size, max(v.data.Len()/8, pieBatch))
	}
	size = min(size, v.data.Len())
	if len(v.slots) != size {
		v.slots = nil
		v.newSlots(size)
		if v.o.Engine == EPIE || v.o.Engine == RPIE {
			v.shareBuffers(pieRun)
			v.shares = nil
			for range (size + pieRun - 1) / pieRun {
				var modes [][]complex64
				for range v.probe {
					modes = append(modes, make([]complex64, v.size))
				}
				v.shares = append(v.shares, modes)
			}
		}
	}
	iterate, turn := v.pie, (func([]complex64))(nil)
	switch v.o.Engine {
	case DifferenceMap, RAAR:
		p, err := v.newProjections()
		if err != nil {
			return nil, err
		}
		iterate, turn = p.iterate, p.turn
	case LSQML:
		iterate = v.newLSQML().iterate
	case Adam:
		iterate = v.newAdam().iterate
	}
	if v.o.NoLowFrequency {
		return iterate, nil
	}
	return v.newSlowStep().with(iterate, turn), nil
}

func finite(x []complex64) bool {
	return !slices.ContainsFunc(x, func(c complex64) bool { return cmplx.IsNaN(complex128(c)) || cmplx.IsInf(complex128(c)) })
}

// fill writes the model into the result.
func (v *solver) fill(r *Result) {
	// The probe is scaled to the gauge, the object inversely.
	before := v.probePower()
	if err := v.gaugeProbe(v.photons/float64(v.data.Len()) - v.totalBackground()); err == nil {
		f := complex64(complex(math.Sqrt(before/v.probePower()), 0))
		for i := range v.object {
			v.object[i] *= f
		}
	}
	image := v.image()
	r.Object, r.Coverage, r.Origin = image.Object, image.Coverage, image.Origin
	r.Modes = len(v.probe)
	total := v.probePower()
	for _, mode := range v.probe {
		r.ModeShares = append(r.ModeShares, power(mode)/total)
		r.Probe = append(r.Probe, mode...)
	}
	r.Background = clone(v.background)
	if n := v.atBound(); n > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d of %d fitted positions %s at the bound, %g pixels from the given one: try a larger --position-bound",
			n, len(v.top), words.Verb(n, "is", "are"), v.o.PositionBound))
	}
	for j := range v.top {
		r.Rows = append(r.Rows, v.top[j]+float64(v.n/2)+v.origin[0])
		r.Cols = append(r.Cols, v.left[j]+float64(v.n/2)+v.origin[1])
		r.Intensity = append(r.Intensity, float64(v.intensity[j]))
	}
}

// image returns the object, 0 where uncovered.
func (v *solver) image() raster.Stitched {
	m := raster.Stitched{Object: raster.NewComplex(v.h, v.w), Coverage: v.coverage(), Origin: v.origin}
	for i, c := range v.object {
		if m.Coverage.Data[i] > 0 {
			m.Object.Data[i] = complex128(c)
		}
	}
	return m
}

// coverage adds Σ_modes|P|² over its peak at every position.
func (v *solver) coverage() raster.Real {
	out := raster.NewReal(v.h, v.w)
	for i, c := range v.light() {
		out.Data[i] = float64(real(c))
	}
	return out
}

// light returns the coverage as the real parts of [h, w].
func (v *solver) light() []complex64 {
	sum := make([]complex64, v.h*v.w)
	intensity, peak := v.probeIntensity(), v.peak()
	s := v.slots[0]
	clear(s.sum)
	for i, a := range intensity {
		s.row(i/v.n, v.n)[i%v.n] = complex(a/peak, 0)
	}
	for j := range v.top {
		s.j = j
		v.addSums(sum, v.slots[:1], 1)
	}
	return sum
}
