package material

import (
	"context"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host/dataset"
)

// Spooled is the material in files that a backend maps.
type Spooled struct {
	*dataset.Spool
	Patterns          backend.Dataset
	ValidationData    *backend.Dataset // data set of the validation patterns; nil: Patterns
	ValidationBatches []backend.Batch  // batches of the validation patterns in whole groups; none: no validation
}

// Bytes returns the size of the spooled patterns.
func (m *Material) Bytes() int64 {
	size := int64(len(m.Scan.Counts))
	if m.Test != nil {
		size += int64(len(m.Test.Counts))
	}
	return size * dataset.BytesPerCount
}

// Spool writes the patterns to files that a backend maps. Validation counts each pattern once, predicted from the group of
// the pattern and its nearest neighbours, as in training. The caller must remove the result, also after an error.
func (m *Material) Spool(ctx context.Context) (s Spooled, err error) {
	s.Spool = dataset.NewSpool(filepath.Dir(m.cfg.Execution().Output(m.cfg.Settings().OutputDir)))
	if s.Patterns, err = m.add(ctx, s.Spool, m.Scan); err != nil {
		return s, err
	}
	data, rows := m.Scan, m.Validation
	if m.Test != nil {
		validation, err := m.add(ctx, s.Spool, m.Test)
		if err != nil {
			return s, err
		}
		s.ValidationData, data, rows = &validation, m.Test, nil
		for i := range m.Test.Len() {
			rows = append(rows, i)
		}
	}
	if len(rows) == 0 {
		return s, nil
	}
	g, err := m.nearest(data)
	if err != nil {
		return s, err
	}
	s.ValidationBatches = dataset.Leading(g, rows, m.cfg.Model().Group(), m.cfg.Settings().EvaluationBatch())
	return s, nil
}

func (m *Material) add(ctx context.Context, to *dataset.Spool, data *scan.Scan) (backend.Dataset, error) {
	d, err := to.Add(ctx, data, m.Probe, m.Background)
	if err == nil && m.cfg.Model().Mode == "supervised" {
		err = to.AddLabels(ctx, &d, data, m.Probe, m.h.Notice)
	}
	return d, err
}

// Looks returns batches of a few training patterns for the guard against flat objects.
func (m *Material) Looks(patterns int) []backend.Batch {
	c := m.cfg.Model().Group()
	return dataset.Groups(scan.Thin(m.Train, patterns), m.Scan.Rows, m.Scan.Cols, c, max(m.cfg.Settings().BatchSize/c, 1))
}
