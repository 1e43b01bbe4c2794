// Package preview passes pictures of the object to the loggers during a training.
package preview

import (
	"bytes"
	"context"
	"fmt"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/stitch"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/picture"
	"github.com/ptychogo/ptycho/host/track"
)

// patterns limits the patterns of a preview: enough to cover the usual scan, and a fraction of the cost of an epoch.
const patterns = 1024

// Preview makes pictures of the object.
type Preview struct {
	Scan    *scan.Scan
	Rows    []int     // available patterns
	Weight  []float64 // of a patch's pixels, [N·N]
	Group   int       // patterns of a group of the program
	Batch   int       // patterns of a batch
	Average bool      // use the moving average of the weights
	Every   int       // epochs between previews
	To      track.Logger
}

// Draw passes amplitude and phase to the loggers after every Every-th epoch. Epochs count from 1.
func (v Preview) Draw(ctx context.Context, session backend.Session, id backend.DatasetID, epoch, step int) error {
	if epoch%v.Every != 0 {
		return nil
	}
	rows := scan.Thin(v.Rows, patterns)
	y, x := make([]float64, len(rows)), make([]float64, len(rows))
	for i, r := range rows {
		y[i], x[i] = v.Scan.Rows[r], v.Scan.Cols[r]
	}
	canvas, err := stitch.New(y, x, v.Scan.N, stitch.Options{})
	if err != nil {
		return fmt.Errorf("preview: %w", err)
	}
	weight := make([]float32, len(v.Weight))
	for i, w := range v.Weight {
		weight[i] = float32(w)
	}
	batches := dataset.Groups(rows, v.Scan.Rows, v.Scan.Cols, v.Group, max(v.Batch/v.Group, 1))
	err = session.Reconstruct(ctx, backend.ReconPlan{Dataset: id, Batches: batches, EMA: v.Average}, func(p backend.Patches) error {
		b := batches[p.Batch]
		return dataset.EachPatch(p, len(weight), func(i int, patch []complex64) error {
			if b.Weights[i] == 0 {
				return nil
			}
			r := int(b.Rows[i])
			return canvas.Add(patch, weight, v.Scan.Rows[r], v.Scan.Cols[r])
		})
	})
	if err != nil {
		return err
	}
	image, err := canvas.Finish()
	if err != nil {
		return fmt.Errorf("preview: %w", err)
	}
	return v.show(image, step)
}

func (v Preview) show(image stitch.Image, step int) error {
	for _, p := range []struct {
		name     string
		quantity picture.Quantity
	}{{"amplitude", picture.Amplitude}, {"phase", picture.Phase}} {
		var png bytes.Buffer
		if err := picture.Encode(&png, p.quantity, image, v.Scan.PixelSize); err != nil {
			return fmt.Errorf("preview: %w", err)
		}
		if err := v.To.Picture(step, p.name, png.Bytes()); err != nil {
			return err
		}
	}
	return nil
}
