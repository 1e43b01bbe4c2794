package solve

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/scan"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
)

// calibrateIterations is the number of iterations, at most those that held-out patterns call for if they choose.
const calibrateIterations = 60

// calibrateProbe is the number of standard errors by which a fitted probe must predict held-out patterns better. A network keeps the
// probe, and on sound scans one that gained less than one error lost up to 0.6 dB.
const calibrateProbe = 2

// calibrateModes is the number of modes that are fitted.
const calibrateModes = 3

// Calibration fits probe, positions, factors of frames, modes and background before a network is trained or used.
type Calibration struct {
	What    string   // auto, or names separated by commas
	Try     []string // with auto: what may be fitted
	Threads int
	Guessed bool                                        // the scan's probe is an estimate
	Create  func(bytes int64) (scan.PatternFile, error) // of a file for changed patterns; nil: in memory
}

// Calibrated is a scan with what was fitted.
type Calibrated struct {
	*scan.Scan
	Background []float32 // [N, N] counts; nil: not fitted

	// Exposed is the scan with the counts as measured, Factor those of its patterns; nil: intensities were not fitted. The patterns of
	// Scan are divided by them.
	Exposed *scan.Scan
	Factor  []float64
	bundle.Calibration
}

// Run fits the quantities, together with an object that is not kept. The scan is unchanged with "none", and with "auto" if held-out
// patterns show no gain or the fit diverges.
func (c Calibration) Run(ctx context.Context, data *scan.Scan, h host.Host) (Calibrated, error) {
	if c.What == "none" {
		return Calibrated{Scan: data}, nil
	}
	out, err := c.fit(ctx, data, h)
	if c.What == "auto" && errors.Is(err, iterative.ErrDiverged) {
		h.Notice("the scan is not calibrated: %v", err)
		return Calibrated{Scan: data}, nil
	}
	return out, err
}

func (c Calibration) fit(ctx context.Context, data *scan.Scan, h host.Host) (Calibrated, error) {
	out := Calibrated{Scan: data}
	o := iterative.Options{Iterations: calibrateIterations, Threads: c.Threads, Stop: h.Stop, ProbeEstimated: c.Guessed}
	var err error
	if c.What == "auto" {
		tried := o
		tried.ProbeErrors = calibrateProbe
		watchChoice(&tried, h)
		choice, err := iterative.Choose(ctx, data, tried, c.Try...)
		if err != nil {
			return out, failure(data.Source, err)
		}
		h.Notice("calibration: %v", choice)
		out.Chosen = true
		o.Fit, o.Modes, o.Iterations = choice.Fit, choice.Modes, choice.Iterations
	} else if o.Fit, o.Modes, err = calibrated(c.What, data.Modes); err != nil {
		return out, err
	}
	if out.Fit = o.Fit.Names(); o.Modes > data.Modes {
		out.Fit = append(out.Fit, "modes")
	}
	if len(out.Fit) == 0 {
		return out, nil
	}
	if o.Engine, err = engineOf(o.Fit, data); err != nil {
		return out, err
	}
	solved, err := iterative.Solve(ctx, data, o)
	if err != nil {
		return out, failure(data.Source, err)
	}
	if solved.Ended == "stopped" || h.Stopping() {
		return out, host.ErrStopped
	}
	if err := out.take(ctx, solved, o.Fit, c.Create); err != nil {
		return out, err
	}
	h.Notice("calibrated %s in %d iterations: residual R %.5f", strings.Join(out.Fit, ", "), out.Iterations, out.Residual)
	return out, nil
}

// calibrated reads names separated by commas.
func calibrated(names string, modes int) (iterative.Fit, int, error) {
	var fit []string
	for name := range strings.SplitSeq(names, ",") {
		if name = strings.TrimSpace(name); name == "modes" {
			modes = max(modes, calibrateModes)
			name = "probe" // further modes start as powers of y and x times the first, and need to be fitted
		}
		if !slices.Contains(fit, name) {
			fit = append(fit, name)
		}
	}
	f, err := iterative.ParseFit(strings.Join(fit, ","))
	if err != nil {
		return f, 0, host.Failf(host.ExitUsage, "--calibrate: %w", err)
	}
	return f, modes, nil
}

// take replaces what was fitted.
func (c *Calibrated) take(ctx context.Context, solved *iterative.Result, fit iterative.Fit, create func(bytes int64) (scan.PatternFile, error)) error {
	given, next := c.Scan, *c.Scan
	c.Iterations, c.Residual = len(solved.History), solved.R
	if fit.Probe {
		next.Probe, next.Modes = solved.Probe, solved.Modes
		c.ModeShares = solved.ModeShares
		if solved.Gauge != nil {
			c.ProbeMisfit, c.ProbeGauge = solved.Gauge.Misfit, solved.Gauge.By
		}
	}
	if fit.Background {
		c.Background = solved.Background
		for _, b := range c.Background {
			c.MeanBackground += float64(b) / float64(len(c.Background))
		}
	}
	if fit.Positions {
		next.Rows, next.Cols = solved.Rows, solved.Cols
		for j := range next.Rows {
			c.LargestMove = max(c.LargestMove, math.Hypot(next.Rows[j]-given.Rows[j], next.Cols[j]-given.Cols[j]))
		}
	}
	c.Scan = &next
	if !fit.Intensity {
		return nil
	}
	c.Exposed, c.Factor = &next, solved.Intensity
	c.Factors = []float64{slices.Min(solved.Intensity), slices.Max(solved.Intensity)}
	return c.expose(ctx, solved.Intensity, create)
}

// expose divides the counts above the background by the factors of their frames, so that all frames have the same exposure, as
// the network's input needs them.
func (c *Calibrated) expose(ctx context.Context, factors []float64, create func(bytes int64) (scan.PatternFile, error)) error {
	const floatBytes = 4
	from, size := c.Scan, c.N*c.N
	w, err := scan.NewPatternWriter(create, from.Len(), size, floatBytes)
	if err != nil {
		return err
	}
	counts := make([]float32, size)
	for j, f := range factors {
		if !(f > 0) {
			return host.Failf(host.ExitDiverged, "%s: the fitted factor of pattern %d is %v: leave out intensity from --calibrate", from.Source, j, f)
		}
		from.Fill(counts, j)
		for i, k := range counts {
			b := float32(0)
			if c.Background != nil {
				b = c.Background[i]
			}
			if from.Mask == nil || from.Mask[i] != 0 {
				counts[i] = max((k-b)/float32(f)+b, 0)
			}
		}
		if err := w.Append(ctx, counts); err != nil {
			return err
		}
	}
	if err := from.Err(); err != nil {
		return err
	}
	next := *from
	next.Counts, next.Stored = w.Patterns()
	c.Scan = &next
	return nil
}
