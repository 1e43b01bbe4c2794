package train

import (
	"context"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host/dataset"
)

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
	if in.Test != nil {
		size += in.Test.CopiedBytes()
	}
	return size
}

// Spool completes the files that a backend maps. Validation counts each pattern once, predicted from the group of
// the pattern and its nearest neighbours, as in training. The caller must remove the result, also after an error.
func (in *inputs) Spool(ctx context.Context) (s spooled, err error) {
	s.Spool = in.spool
	trained := in.Scan
	if in.exposed != nil {
		trained = in.exposed
	}
	if s.Patterns, err = in.add(ctx, s.Spool, trained, in.factor); err != nil {
		return s, err
	}
	data, rows := in.Scan, in.Validation
	if in.Test != nil {
		validation, err := in.add(ctx, s.Spool, in.Test, nil)
		if err != nil {
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

// Looks returns batches of a few training patterns for the guard against flat objects.
func (in *inputs) Looks(patterns int) []backend.Batch {
	c := in.cfg.Model().Group()
	return dataset.Groups(scan.Thin(in.Train, patterns), in.Scan.Rows, in.Scan.Cols, c, max(in.cfg.Settings().BatchSize/c, 1))
}
