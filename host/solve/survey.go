package solve

import (
	"context"
	"fmt"

	"github.com/ptychogo/ptycho/core/examine"
	"github.com/ptychogo/ptycho/core/scan"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
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

// Survey compares patterns and positions by short reconstructions before a run.
type Survey struct {
	Threads   int
	TrustData bool              // go on with positions that do not fit
	Examined  *dataset.Examined // receives the findings; nil: none
	Notice    func(format string, args ...any)
}

// Positions returns an error if the patterns of a scan do not fit its positions, or fit them better in another orientation. It tries
// other orientations only where the positions do not clearly fit as they are. asRead is the scan before a probe was estimated.
func (s Survey) Positions(ctx context.Context, data, asRead *scan.Scan) error {
	support, err := iterative.CheckSupport(ctx, data, s.Threads)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil || support.Patterns == 0: // a failed check does not speak against the scan
		return nil
	}
	suspect := support.Decidable() && !support.Convincing()
	if !suspect {
		if suspect, err = iterative.SuspectOrientation(ctx, data, s.Threads); ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if err == nil && suspect {
		if err := s.Orientation(ctx, asRead); err != nil {
			return err
		}
	}
	return s.supported(data, support)
}

// Support returns an error if the patterns of a scan do not fit its positions. It skips a scan without a probe.
func (s Survey) Support(ctx context.Context, data *scan.Scan) error {
	support, err := iterative.CheckSupport(ctx, data, s.Threads)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil: // a failed check does not speak against the scan
		return nil
	}
	return s.supported(data, support)
}

func (s Survey) supported(data *scan.Scan, support iterative.Support) error {
	if !support.Doubtful() {
		return nil
	}
	fault := &scan.Fault{
		What: "the patterns do not fit the positions: " + support.String(),
		Fix:  "check that xcoords and ycoords are in object pixels along both axes and in the order of the patterns, that probeGuess belongs to this scan, that no pixels are hot, and that this is the far field (near-field ptychography is not supported)",
	}
	if s.TrustData {
		s.Notice("warning: %v", fault)
		return nil
	}
	return fmt.Errorf("%s: %w", data.Source, fault)
}

// Orientation tries all orientations of the positions. It returns an error if another one than that of the file is right.
func (s Survey) Orientation(ctx context.Context, data *scan.Scan) error {
	g, err := iterative.CheckGeometry(ctx, data, iterative.GeometryOptions{Threads: s.Threads})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil: // a scan too small for the check can still be reconstructed
		s.Notice("the orientation of the positions was not checked: %v", err)
		return nil
	case g.Right():
		s.Notice("%v", g)
		return nil
	}
	return s.Examined.Add(data.Source, examine.OrientationOf(g), s.TrustData, s.Notice)
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
