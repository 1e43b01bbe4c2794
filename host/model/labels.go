package model

import (
	"context"
	"math"

	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
)

// CutLabels cuts each pattern's patch [n, N, N] out of the scan's object, at its sub-pixel position.
func CutLabels(ctx context.Context, data *scan.Scan) ([]complex64, error) {
	object, err := raster.FromComplex64(data.ObjectHeight, data.ObjectWidth, data.Object)
	if err != nil {
		return nil, err
	}
	size := data.N * data.N
	labels, patch := make([]complex64, data.Len()*size), make([]complex128, size)
	for i := range data.Len() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		raster.ExtractTo(patch, object, data.Rows[i], data.Cols[i], data.N)
		for j, v := range patch {
			labels[i*size+j] = complex64(v)
		}
	}
	return labels, nil
}

// ScaleLabels scales the labels so that Σ_modes|P·label|² has the patterns' counts on average.
func ScaleLabels(labels []complex64, data *scan.Scan, pr Probe) {
	counts, predicted, weight := 0.0, 0.0, pr.Intensity()
	for _, pattern := range data.All() {
		for _, k := range pattern {
			counts += float64(k)
		}
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
