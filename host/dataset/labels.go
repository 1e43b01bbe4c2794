package dataset

import (
	"context"
	"math"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/model"
)

// AddLabels adds the labels of supervised training: the patches in the scan's file, or patches cut out of its object. The
// labels are scaled for the forward model, where they give the mean counts.
func (s *Spool) AddLabels(ctx context.Context, d *backend.Dataset, data *scan.Scan, probe model.Probe, notice func(string, ...any)) error {
	labels, ok, err := format.ReadLabels(ctx, data.Source, data.N, data.Index)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	if !ok {
		if data.Object == nil {
			return host.Failf(host.ExitData, "%s contains neither labels (label, Y or ground_truth_patches) nor an objectGuess to cut labels from: train with --mode unsupervised", data.Source)
		}
		notice("labels are cut from the object in %s", data.Source)
		if labels, err = model.CutLabels(ctx, data); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return host.Failf(host.ExitData, "%s: %w", data.Source, err)
		}
	}
	model.ScaleLabels(labels, data, probe)
	ref, err := s.write(ctx, tensor.Must(labels, data.Len(), data.N, data.N))
	if err != nil {
		return err
	}
	d.Arrays = append(d.Arrays, backend.Array{Input: arch.Labels, Gather: backend.PerPattern, File: ref})
	return nil
}

// AddExposure adds the logarithms of the factors of the patterns. Those of further patterns are 0.
func AddExposure(d *backend.Dataset, factor []float64) {
	logs := make([]float32, d.Patterns)
	for j, f := range factor {
		logs[j] = float32(math.Log(f))
	}
	d.Arrays = append(d.Arrays, backend.Array{Input: arch.LogExposure, Gather: backend.PerPattern, Value: tensor.Must(logs, d.Patterns)})
}
