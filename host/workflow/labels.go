package workflow

import (
	"math"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/stitch"
	"github.com/ptychogo/ptycho/core/tensor"
)

// labelled adds the labels of supervised training to a dataset: the patches that the scan's file holds, or those cut out
// of its object. They are brought into the gauge of the forward model, where they give the mean counts.
func (run *training) labelled(d *backend.Dataset, name string, data *scan.Scan) error {
	if run.cfg.Model().Mode != "supervised" {
		return nil
	}
	n := data.N
	labels, ok, err := format.ReadLabels(data.Source, n, data.Index)
	if err != nil {
		return fail(ExitData, err)
	}
	if !ok {
		if data.Object == nil {
			return failf(ExitData, "%s holds no labels (label, Y or ground_truth_patches) and no objectGuess to cut them from: train with --mode unsupervised", data.Source)
		}
		run.host.Notice("labels are cut from the object in %s", data.Source)
		if labels, err = cutLabels(data); err != nil {
			return failf(ExitData, "%s: %w", data.Source, err)
		}
	}
	gaugeLabels(labels, data, run.probe)
	ref, err := format.WriteNPY(filepath.Join(run.spool, name+"-labels.npy"), tensor.Must(labels, data.Len(), n, n))
	if err != nil {
		return err
	}
	d.Arrays = append(d.Arrays, backend.Array{Input: arch.Labels, Gather: backend.PerPattern, File: ref})
	return nil
}

// cutLabels takes each pattern's patch [n, N, N] out of the scan's object, at its sub-pixel position.
func cutLabels(data *scan.Scan) ([]complex64, error) {
	object, err := raster.FromComplex64(data.ObjectHeight, data.ObjectWidth, data.Object)
	if err != nil {
		return nil, err
	}
	size := data.N * data.N
	labels, patch := make([]complex64, data.Len()*size), make([]complex128, size)
	for i := range data.Len() {
		stitch.ExtractTo(patch, object, data.Rows[i], data.Cols[i], data.N)
		for j, v := range patch {
			labels[i*size+j] = complex64(v)
		}
	}
	return labels, nil
}

// gaugeLabels scales the labels so that Σ_modes|P·label|² has the patterns' counts on average.
func gaugeLabels(labels []complex64, data *scan.Scan, pr probe) {
	counts, predicted, weight := 0.0, 0.0, pr.intensity()
	for _, k := range data.Counts {
		counts += float64(k)
	}
	for i, v := range labels {
		predicted += weight[i%len(weight)] * abs2(complex128(v))
	}
	if !(predicted > 0) {
		return
	}
	factor := complex(float32(math.Sqrt(counts/predicted)), 0)
	for i := range labels {
		labels[i] *= factor
	}
}
