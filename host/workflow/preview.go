package workflow

import (
	"bytes"
	"context"
	"fmt"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/stitch"
	"github.com/ptychogo/ptycho/host/picture"
)

// previewPatterns bounds the patterns of a preview: enough to cover the usual scan, few enough to cost a fraction of an
// epoch.
const previewPatterns = 1024

// preview gives the loggers pictures of the object as the network sees it now.
func (run *training) preview(ctx context.Context, session backend.Session, id backend.DatasetID, epoch, step int) error {
	if epoch%run.cfg.Execution().PreviewEvery != 0 {
		return nil
	}
	rows := thin(run.train, previewPatterns)
	y, x := make([]float64, len(rows)), make([]float64, len(rows))
	for i, r := range rows {
		y[i], x[i] = run.scan.Rows[r], run.scan.Cols[r]
	}
	canvas, err := stitch.New(y, x, run.scan.N, stitch.Options{})
	if err != nil {
		return fmt.Errorf("preview: %w", err)
	}
	weight := make([]float32, len(run.trainer.weight))
	for i, w := range run.trainer.weight {
		weight[i] = float32(w)
	}
	c := run.program.Group
	batches := groupsOf(rows, run.scan.Rows, run.scan.Cols, c, max(run.cfg.Settings().BatchSize/c, 1))
	err = session.Reconstruct(ctx, backend.ReconPlan{Dataset: id, Batches: batches, EMA: run.trainer.template.EMADecay > 0}, func(p backend.Patches) error {
		b := batches[p.Batch]
		return eachPatch(p, len(weight), func(i int, patch []complex64) error {
			if b.Weights[i] == 0 {
				return nil
			}
			r := int(b.Rows[i])
			return canvas.Add(patch, weight, run.scan.Rows[r], run.scan.Cols[r])
		})
	})
	if err != nil {
		return err
	}
	image, err := canvas.Finish()
	if err != nil {
		return fmt.Errorf("preview: %w", err)
	}
	return run.drawPreview(image, step)
}

func (run *training) drawPreview(image stitch.Image, step int) error {
	for _, p := range []struct {
		name     string
		quantity picture.Quantity
	}{{"amplitude", picture.Amplitude}, {"phase", picture.Phase}} {
		var png bytes.Buffer
		if err := picture.Encode(&png, p.quantity, image, run.scan.PixelSize); err != nil {
			return fmt.Errorf("preview: %w", err)
		}
		if err := run.logger.Picture(step, p.name, png.Bytes()); err != nil {
			return err
		}
	}
	return nil
}
