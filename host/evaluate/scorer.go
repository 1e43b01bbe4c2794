package evaluate

import (
	"context"

	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
)

// Scorer measures how well an image explains the patterns of a scan: R of metrics.Residual, which needs no truth and does not
// depend on the scale of the probe.
type Scorer struct {
	patterns metrics.Patterns
	options  metrics.FitOptions
}

// NewScorer returns a Scorer for all patterns of a scan, with its probe. Threads 0 are all cores.
func NewScorer(data *scan.Scan, threads int) Scorer {
	return Scorer{patterns(data), metrics.FitOptions{Workers: threads}}
}

// Residual returns R of an image. It ignores the coverage.
func (s Scorer) Residual(ctx context.Context, image raster.Stitched) (float64, error) {
	fit, err := metrics.Residual(ctx, image.Object, image.Origin, s.patterns, s.options)
	return float64(fit.R), err
}

// Misfits returns how well an image explains each frame and each pixel, with R and the R that photon noise would leave.
func (s Scorer) Misfits(ctx context.Context, image raster.Stitched) (metrics.Fit, error) {
	o := s.options
	o.Misfits = true
	return metrics.Residual(ctx, image.Object, image.Origin, s.patterns, o)
}

// Flat returns R of an empty object.
func (s Scorer) Flat(ctx context.Context) (float64, error) {
	fit, err := metrics.FlatResidual(ctx, s.patterns, s.options)
	return float64(fit.R), err
}

// patterns returns the patterns of a scan, with its probe.
func patterns(data *scan.Scan) metrics.Patterns {
	p := metrics.Patterns{N: data.N, Rows: data.Rows, Cols: data.Cols, Counts: countsOf(data)}
	for m := range data.Modes {
		mode := make([]complex128, data.N*data.N)
		for i := range mode {
			mode[i] = complex128(data.Probe[m*len(mode)+i])
		}
		p.Probe = append(p.Probe, mode)
	}
	if data.Mask != nil {
		p.Mask = make([]bool, len(data.Mask))
		for i, m := range data.Mask {
			p.Mask[i] = m != 0
		}
	}
	return p
}

// countsOf reads the patterns of a scan.
func countsOf(data *scan.Scan) func(j int, dst []float64) error {
	return func(j int, dst []float64) error {
		for i, k := range data.Pattern(j) {
			dst[i] = float64(k)
		}
		return data.Err()
	}
}
