package workflow

import (
	"context"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/core/stitch"
)

// refine improves an image by iterations with all patterns, from the probe and the constant background of the model that
// made it. A stop ends it after the iteration with what there is.
func refine(ctx context.Context, host Host, image stitch.Image, data *scan.Scan, pr probe, background float64, iterations, threads int) (*solve.Result, error) {
	with := *data
	with.Probe, with.Modes = pr.Modes, pr.Count
	level := make([]float32, data.N*data.N)
	for i := range level {
		level[i] = float32(background)
	}
	result, err := solve.Refine(ctx, &with, image, solve.Options{
		Iterations: iterations, Threads: threads, Fit: solve.Fit{Probe: true}, Background: level,
		Stop: host.Stop, Progress: iterationProgress(host, "refine", iterations, data.Len()),
	})
	if err != nil {
		return nil, solveFailure(data.Source, err)
	}
	return result, nil
}
