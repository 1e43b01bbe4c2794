package workflow

import (
	"context"

	"github.com/ptychogo/ptycho/core/solve"
)

// surveyIterations is how long the fit of a background runs: on the measured star it has settled by then.
const surveyIterations = 30

// survey looks at the scan by short iterative fits: whether its positions are read right, and which background it has.
func (run *training) survey(ctx context.Context) error {
	s, x := run.cfg.Settings(), run.cfg.Execution()
	run.background = uniform(run.scan.N, s.Background)
	if s.CheckGeometry && x.Resume == "" {
		switch g, err := CheckGeometry(ctx, run.scan, false, x.Threads); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil: // a scan too small to tell is no reason not to train
			run.host.Notice("the orientation of the positions was not checked: %v", err)
		case g.Right():
			run.host.Notice("%v", g)
		default:
			run.host.Notice("warning: %v; ptycho inspect --geometry shows the figures", g)
		}
	}
	if !s.FitBackground {
		return nil
	}
	fitted, err := solve.Solve(ctx, run.scan, solve.Options{Engine: solve.LSQML, Iterations: surveyIterations, Threads: x.Threads, Stop: run.host.Stop, Fit: solve.Fit{Probe: true, Background: true}})
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
