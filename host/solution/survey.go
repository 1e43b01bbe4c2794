package solution

import (
	"context"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
)

// WithProbe is the scan, with a probe estimated from its patterns when its file has none.
func WithProbe(ctx context.Context, data *scan.Scan, threads int, notice func(string, ...any)) (*scan.Scan, error) {
	if data.Probe != nil {
		return data, nil
	}
	notice("%s has no probe: estimating one from the patterns", data.Source)
	estimate, err := solve.EstimateProbe(ctx, data, solve.ProbeOptions{Threads: threads})
	if err != nil {
		return nil, failure(data.Source, err)
	}
	notice("the estimated probe is %.1f pixels in diameter; R %.5f with it", estimate.Diameter, estimate.R)
	with := *data
	with.Probe, with.Modes = estimate.Probe, 1
	return &with, nil
}

// CheckSupport refuses a scan whose patterns do not go with its positions. A scan without a probe is not checked.
func CheckSupport(ctx context.Context, data *scan.Scan, threads int) error {
	s, err := solve.CheckSupport(ctx, data, threads)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil || !s.Doubtful(): // a scan that this check cannot fit is no worse for it
		return nil
	}
	return host.Failf(host.ExitData, "%s: %w", data.Source, &scan.Fault{
		What: "the patterns do not go with the positions: " + s.String(),
		Fix:  "check that xcoords and ycoords are in object pixels along both axes and in the order of the patterns, that probeGuess is of this scan, and that no pixels are hot",
	})
}

// CheckGeometry says by short reconstructions whether the data support the orientation of the positions.
func CheckGeometry(ctx context.Context, data *scan.Scan, threads int, notice func(string, ...any)) error {
	switch g, err := solve.CheckGeometry(ctx, data, solve.GeometryOptions{Threads: threads}); {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil: // a scan too small to tell is no reason not to train
		notice("the orientation of the positions was not checked: %v", err)
	case g.Right():
		notice("%v", g)
	default:
		notice("warning: %v; ptycho inspect shows the figures", g)
	}
	return nil
}

// surveyIterations is how long the fit of a background runs: on the measured star it has settled by then.
const surveyIterations = 30

// FitBackground adds to a background [N, N], counts, what a short iterative fit finds on top.
func FitBackground(ctx context.Context, data *scan.Scan, background []float32, threads int, h host.Host) error {
	fitted, err := solve.Solve(ctx, data, solve.Options{Engine: solve.LSQML, Iterations: surveyIterations, Threads: threads,
		Stop: h.Stop, Fit: solve.Fit{Probe: true, Background: true}})
	if err != nil {
		return failure(data.Source, err)
	}
	if h.Stopping() {
		return host.ErrStopped
	}
	mean := 0.0
	for i, b := range fitted.Background {
		background[i] += b
		mean += float64(b) / float64(len(fitted.Background))
	}
	h.Notice("the fitted background is %.4g counts per pixel on average", mean)
	return nil
}
