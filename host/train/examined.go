package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/internal/disk"
)

// examinationFile holds the findings and the repairs of the scans. A resumed run makes the same repairs again.
const examinationFile = "examination.json"

// maxExamination bounds the size of the file: findings name every pixel and frame, at most some 50 bytes each.
const maxExamination = 1 << 30

// examined are the examinations of the training scan and of a separate scan for validation; nil: none.
type examined struct {
	Train *dataset.Examined `json:"train"`
	Test  *dataset.Examined `json:"test,omitempty"`
}

// readExamined reads the examinations of a run that is resumed. A run without them was not repaired.
func readExamined(run string) (*examined, error) {
	name := filepath.Join(run, examinationFile)
	text, err := disk.Read(name, maxExamination)
	if errors.Is(err, fs.ErrNotExist) {
		return &examined{}, nil
	}
	e := &examined{}
	if err == nil {
		err = json.Unmarshal(text, e)
	}
	if err != nil {
		return nil, host.Failf(host.ExitData, "%s: %w; it holds the repairs of the scan, without which the run cannot be resumed", name, err)
	}
	return e, nil
}

// Examined writes the examinations.
func (f *folder) Examined(e examined) error {
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return f.dir.WriteFile(examinationFile, append(text, '\n'))
}

// examine examines and repairs a scan of a new run; of a resumed one it repeats the repairs.
func (in *inputs) examine(ctx context.Context, data *scan.Scan, before *dataset.Examined) (*scan.Scan, *dataset.Examined, error) {
	o := dataset.Examination{Examination: in.cfg.Scan().Examination, Create: in.spool.Create}
	if in.cfg.Execution().Resume == "" {
		return dataset.Examine(ctx, data, o, in.h.Notice)
	}
	return dataset.ExamineAgain(ctx, data, before, o)
}
