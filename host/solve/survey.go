package solve

import (
	"context"

	"github.com/ptychogo/ptycho/core/scan"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
)

// WithProbe returns the scan, with a probe estimated from the patterns if its file has no probe.
func WithProbe(ctx context.Context, data *scan.Scan, threads int, notice func(string, ...any)) (*scan.Scan, error) {
	if data.Probe != nil {
		return data, nil
	}
	notice("%s has no probe: estimating one from the patterns", data.Source)
	estimate, err := iterative.EstimateProbe(ctx, data, iterative.ProbeOptions{Threads: threads})
	if err != nil {
		return nil, failure(data.Source, err)
	}
	notice("estimated a probe of %.1f pixels in diameter (residual R %.5f)", estimate.Diameter, estimate.R)
	with := *data
	with.Probe, with.Modes = estimate.Probe, 1
	return &with, nil
}

// CheckSupport returns an error if the patterns of a scan do not fit its positions. It skips a scan without a probe.
func CheckSupport(ctx context.Context, data *scan.Scan, threads int) error {
	s, err := iterative.CheckSupport(ctx, data, threads)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil || !s.Doubtful(): // a failed check does not speak against the scan
		return nil
	}
	return host.Failf(host.ExitData, "%s: %w", data.Source, &scan.Fault{
		What: "the patterns do not fit the positions: " + s.String(),
		Fix:  "check that xcoords and ycoords are in object pixels along both axes and in the order of the patterns, that probeGuess belongs to this scan, that no pixels are hot, and that this is the far field (near-field ptychography is not supported)",
	})
}

// CheckGeometry reports, from short reconstructions, whether the data support the orientation of the positions.
func CheckGeometry(ctx context.Context, data *scan.Scan, threads int, notice func(string, ...any)) error {
	switch g, err := iterative.CheckGeometry(ctx, data, iterative.GeometryOptions{Threads: threads}); {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil: // a scan too small for the check can still be used for training
		notice("the orientation of the positions was not checked: %v", err)
	case g.Right():
		notice("%v", g)
	default:
		notice("warning: %v; ptycho inspect shows the values", g)
	}
	return nil
}

// surveyIterations is the length of the fit of a background. On the measured star it has converged by then.
const surveyIterations = 30

// FitBackground adds the background found by a short iterative fit to background [N, N], in counts.
func FitBackground(ctx context.Context, data *scan.Scan, background []float32, threads int, h host.Host) error {
	fitted, err := iterative.Solve(ctx, data, iterative.Options{Engine: iterative.LSQML, Iterations: surveyIterations, Threads: threads,
		Stop: h.Stop, Fit: iterative.Fit{Probe: true, Background: true}})
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
