package train

import (
	"context"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/infer"
	"github.com/ptychogo/ptycho/host/model"
)

// firstPassBatch is the number of patterns that the first network predicts at once.
const firstPassBatch = 16

// spooled holds the inputs in files that a backend maps.
type spooled struct {
	*dataset.Spool
	Patterns          backend.Dataset
	ValidationData    *backend.Dataset // data set of the validation patterns; nil: Patterns
	ValidationBatches []backend.Batch  // batches of the validation patterns in whole groups; none: no validation
}

// newSpool returns a spool that can use the disk of the output folder.
func newSpool(cfg *config.Training) *dataset.Spool {
	return dataset.NewSpool(filepath.Dir(cfg.Execution().Output(cfg.Settings().OutputDir)))
}

// Bytes returns the size of the spooled patterns.
func (in *inputs) Bytes() int64 {
	size := in.Scan.CopiedBytes()
	patterns := in.Scan.Len()
	if in.Test != nil {
		size += in.Test.CopiedBytes()
		patterns += in.Test.Len()
	}
	if in.first != nil {
		size += dataset.FirstPassBytes(patterns, in.Scan.N)
	}
	return size
}

// Spool completes the files that a backend maps. Validation counts each pattern once, predicted from the group of
// the pattern and its nearest neighbours, as in training. The caller must remove the result, also after an error.
func (in *inputs) Spool(ctx context.Context, m *model.Model) (s spooled, err error) {
	s.Spool = in.spool
	trained := in.Scan
	if in.exposed != nil {
		trained = in.exposed
	}
	if s.Patterns, err = in.add(ctx, s.Spool, trained, in.factor); err != nil {
		return s, err
	}
	if m.FirstPass, err = in.addFirstPass(ctx, m, &s.Patterns, in.Scan, in.Train); err != nil {
		return s, err
	}
	data, rows := in.Scan, in.Validation
	if in.Test != nil {
		validation, err := in.add(ctx, s.Spool, in.Test, nil)
		if err != nil {
			return s, err
		}
		if _, err := in.addFirstPass(ctx, m, &validation, in.Test, nil); err != nil {
			return s, err
		}
		s.ValidationData, data, rows = &validation, in.Test, nil
		for i := range in.Test.Len() {
			rows = append(rows, i)
		}
	}
	if len(rows) == 0 {
		return s, nil
	}
	g, err := in.nearest(data)
	if err != nil {
		return s, err
	}
	s.ValidationBatches = dataset.Leading(g, rows, in.cfg.Model().Group(), in.cfg.Settings().EvaluationBatch())
	return s, nil
}

// add spools a scan. The factors of patterns beyond those given are 1.
func (in *inputs) add(ctx context.Context, to *dataset.Spool, data *scan.Scan, factor []float64) (backend.Dataset, error) {
	d, err := to.Add(ctx, data, in.Probe, in.Background)
	if err == nil && in.factor != nil {
		dataset.AddExposure(&d, factor)
	}
	if err == nil && in.cfg.Model().Mode == "supervised" {
		err = to.AddLabels(ctx, &d, data, in.Probe, in.h.Notice)
	}
	return d, err
}

// addFirstPass adds the inputs from the image of --first-pass, if it is given, and returns their constants, measured on the given
// patterns. A dry run, which does not wait for the image, uses an empty beam.
func (in *inputs) addFirstPass(ctx context.Context, m *model.Model, d *backend.Dataset, data *scan.Scan, rows []int) (map[string]tensor.Tensor, error) {
	x := in.cfg.Execution()
	switch {
	case m.First == nil:
		return nil, nil
	case x.DryRun:
		var none model.FirstPassSpread
		return none.Constants(), in.spool.AddFirstPass(ctx, d, data.N, func(_ int, image, correction []complex128) error {
			for i := range image {
				image[i], correction[i] = 1, 0
			}
			return nil
		})
	}
	pass := infer.FirstPass{Model: m, Spool: in.spool, Folder: x.Output(in.cfg.Settings().OutputDir), Batch: firstPassBatch}
	return pass.Add(ctx, in.h, d, data, rows, x)
}

// Looks returns batches of a few training patterns for the guard against flat objects.
func (in *inputs) Looks(patterns int) []backend.Batch {
	c := in.cfg.Model().Group()
	return dataset.Groups(scan.Thin(in.Train, patterns), in.Scan.Rows, in.Scan.Cols, c, max(in.cfg.Settings().BatchSize/c, 1))
}
