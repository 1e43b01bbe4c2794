package workflow

import (
	"context"

	"github.com/ptychogo/ptycho/core/solve"
)

// checkGeometry says by short reconstructions whether the data support the orientation of the positions.
func (run *training) checkGeometry(ctx context.Context) error {
	s, x := run.cfg.Settings(), run.cfg.Execution()
	if !s.CheckGeometry || x.Resume != "" || x.DryRun {
		return nil
	}
	switch g, err := solve.CheckGeometry(ctx, run.scan, solve.GeometryOptions{Threads: x.Threads}); {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil: // a scan too small to tell is no reason not to train
		run.host.Notice("the orientation of the positions was not checked: %v", err)
	case g.Right():
		run.host.Notice("%v", g)
	default:
		run.host.Notice("warning: %v; ptycho inspect shows the figures", g)
	}
	return nil
}

// surveyIterations is how long the fit of a background runs: on the measured star it has settled by then.
const surveyIterations = 30

// fitBackground makes the background of the forward model: the floor, and with fit-background what a short iterative fit
// finds on top.
func (run *training) fitBackground(ctx context.Context) error {
	s := run.cfg.Settings()
	run.background = uniform(run.scan.N, s.Background)
	if !s.FitBackground {
		return nil
	}
	fitted, err := solve.Solve(ctx, run.scan, solve.Options{Engine: solve.LSQML, Iterations: surveyIterations, Threads: run.cfg.Execution().Threads,
		Stop: run.host.Stop, Fit: solve.Fit{Probe: true, Background: true}})
	if err != nil {
		return solveFailure(s.TrainDataFile, err)
	}
	mean := 0.0
	for i, b := range fitted.Background {
		run.background[i] += b
		mean += float64(b) / float64(len(fitted.Background))
	}
	run.host.Notice("the fitted background is %.4g counts per pixel on average", mean)
	return nil
}
