package solution

import (
	"context"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/core/stitch"
	"github.com/ptychogo/ptycho/host"
)

// Refine improves an image by iterations with all patterns, from the scan's probe and a constant background in counts per
// pixel. If ctx ends, it returns an error and no partly refined image.
func Refine(ctx context.Context, h host.Host, image stitch.Image, data *scan.Scan, background float64, iterations, threads int) (*solve.Result, error) {
	level := make([]float32, data.N*data.N)
	for i := range level {
		level[i] = float32(background)
	}
	refined, err := solve.Refine(ctx, data, image, solve.Options{
		Iterations: iterations, Threads: threads, Fit: solve.Fit{Probe: true}, Background: level,
		Progress: iterationProgress(h, "refine", iterations, data.Len()),
	})
	if err != nil {
		return nil, failure(data.Source, err)
	}
	return refined, nil
}
