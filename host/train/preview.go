package train

import (
	"context"
	"fmt"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/output"
)

// previewPatterns limits the patterns of a preview: enough to cover the usual scan, and a fraction of the cost of an epoch.
const previewPatterns = 1024

// preview passes amplitude and phase to the loggers after each --preview-every epochs. Epochs count from 1.
func (run *training) preview(ctx context.Context, session backend.Session, id backend.DatasetID, epoch, step int) error {
	data, c := run.inputs.Scan, run.model.Program.Group
	if epoch%run.cfg.Execution().PreviewEvery != 0 {
		return nil
	}
	rows := scan.Thin(run.inputs.Train, previewPatterns)
	y, x := make([]float64, len(rows)), make([]float64, len(rows))
	for i, r := range rows {
		y[i], x[i] = data.Rows[r], data.Cols[r]
	}
	canvas, err := raster.NewStitcher(y, x, data.N, raster.StitchOptions{})
	if err != nil {
		return fmt.Errorf("preview: %w", err)
	}
	weight := make([]float32, len(run.trainer.Weight))
	for i, w := range run.trainer.Weight {
		weight[i] = float32(w)
	}
	batches := dataset.Groups(rows, data.Rows, data.Cols, c, max(run.cfg.Settings().EvaluationBatch()/c, 1))
	err = session.Reconstruct(ctx, backend.ReconPlan{Dataset: id, Batches: batches, EMA: run.cfg.Settings().EMADecay > 0}, func(p backend.Patches) error {
		b := batches[p.Batch]
		return dataset.EachPatch(p, len(weight), func(i int, patch []complex64) error {
			if b.Weights[i] == 0 {
				return nil
			}
			r := int(b.Rows[i])
			return canvas.Add(patch, weight, data.Rows[r], data.Cols[r])
		})
	})
	if err != nil {
		return err
	}
	image, err := canvas.Finish()
	if err != nil {
		return fmt.Errorf("preview: %w", err)
	}
	return output.EachPicture(image, data.PixelSize, func(name string, file []byte) error {
		return run.folder.Logger.Picture(step, name, file)
	})
}
