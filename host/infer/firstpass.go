package infer

import (
	"context"
	"fmt"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/evaluate"
	"github.com/ptychogo/ptycho/host/model"
)

// FirstPass reconstructs a scan with the first network of a model whose second network corrects its image.
type FirstPass struct {
	Model  *model.Model   // of both networks
	Spool  *dataset.Spool // for the inputs of the second network
	Folder string         // of the output: a disk that may be used
	Batch  int            // patterns that are predicted at once

	Residual float64 // R of the image of the first network; set by Add
}

// Add predicts all patterns of a scan, stitches them, and adds the inputs of the second network to the scan's dataset. It returns the
// constants of these inputs, measured on the given patterns. Training and reconstruction use the same settings.
func (f *FirstPass) Add(ctx context.Context, h host.Host, d *backend.Dataset, data *scan.Scan, rows []int, x config.Execution) (map[string]tensor.Tensor, error) {
	first := f.Model.First
	factor, err := f.Model.Gauge()
	if err != nil {
		return nil, err
	}
	if report := h.Progress; report != nil {
		h.Progress = func(p host.Progress) {
			p.Description = "first pass, " + p.Description
			report(p)
		}
	}
	s := config.InferenceSettings{TestData: data.Source, OutputDir: f.Folder, PadEval: true, SynchronisePhases: "auto", PatchWeighting: "probe", InferenceBatchSize: f.Batch}
	predicted, err := predict(ctx, h, first, data, f.Spool, s, x)
	if err != nil {
		return nil, err
	}
	defer predicted.Close()
	image, err := predicted.StitchUntilStop(ctx, h, evaluate.NewScorer(first.Illuminate(data), x.Threads).Residual)
	if err != nil {
		return nil, err
	}
	predicted.Close()
	f.Residual = image.R
	h.Notice("first pass: residual R %.5f", image.R)
	return f.inputs(ctx, d, data, rows, image.Stitched, factor, h.Progress)
}

// inputs cuts the image of each pattern, times a factor, and computes what the pattern changes in it.
func (f *FirstPass) inputs(ctx context.Context, d *backend.Dataset, data *scan.Scan, rows []int, image raster.Stitched, factor complex128, report func(host.Progress)) (map[string]tensor.Tensor, error) {
	m, n := f.Model, data.N
	for i, covered := range image.Coverage.Data {
		if covered == 0 {
			image.Object.Data[i] = 1 / factor // an empty beam
		}
	}
	corrector := m.Corrector()
	counts, measured, of := make([]float32, n*n), map[int]bool{}, model.FirstPassSpread{}
	for _, r := range scan.Thin(rows, model.FeatureSample) {
		measured[r] = true
	}
	err := f.Spool.AddFirstPass(ctx, d, n, func(j int, object, correction []complex128) error {
		raster.ExtractTo(object, image.Object, data.Rows[j]-image.Origin[0], data.Cols[j]-image.Origin[1], n)
		for i := range object {
			object[i] *= factor
		}
		data.Fill(counts, j)
		if err := data.Err(); err != nil {
			return err
		}
		corrector.Correct(correction, object, counts, data.Mask, m.Background)
		if measured[j] {
			of.Add(object, correction)
		}
		if report != nil {
			report(host.Progress{Phase: "cut", Step: j + 1, Steps: data.Len(), Patterns: 1, Description: fmt.Sprintf("cut the image: %d of %d", j+1, data.Len())})
		}
		return nil
	})
	return of.Constants(), err
}
