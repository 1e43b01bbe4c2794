package solve

import (
	"context"

	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/model"
)

// Refine improves an image by iterations with all patterns, from the scan's probe and a constant background in counts per
// pixel. If ctx ends or the run is asked to stop, it returns an error and no partly refined image.
func Refine(ctx context.Context, h host.Host, image raster.Stitched, data *scan.Scan, background float64, iterations, threads int, lowFrequency bool) (*iterative.Result, error) {
	work, done := h.UntilStop(ctx)
	defer done()
	refined, err := iterative.Refine(work, data, image, iterative.Options{
		Iterations: iterations, Threads: threads, Fit: iterative.Fit{Probe: true}, Background: model.Uniform(data.N, background), NoLowFrequency: !lowFrequency, Misfits: true,
		Progress: iterationProgress(h, "refine", iterations, data.Len()),
	})
	switch {
	case err != nil && ctx.Err() == nil && h.Stopping():
		return nil, host.Failf(host.ExitInterrupted, "infer: stopped while the image was refined; nothing was written")
	case err != nil:
		return nil, failure(data.Source, err)
	}
	return refined, nil
}
