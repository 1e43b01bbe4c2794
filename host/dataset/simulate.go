package dataset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/internal/durable"
)

// Simulated describes a simulated scan.
type Simulated struct {
	Path       string  `json:"path"`
	Patterns   int     `json:"patterns"`
	N          int     `json:"n"`
	MeanCounts float64 `json:"mean_counts"` // photons in a pattern
}

// Simulate writes a scan with its true object. The same options give the same bytes.
func Simulate(ctx context.Context, o simulate.Options, path string, overwrite bool) (Simulated, error) {
	report := Simulated{Path: path}
	exists := func() error {
		return host.Failf(host.ExitUsage, "simulate: %s exists: give another --output, or --overwrite to replace it", path)
	}
	if _, err := os.Stat(path); err == nil && !overwrite {
		return report, exists()
	}
	file, err := durable.Create(path) // before the work, to find a folder that is not writable at once
	if err != nil {
		return report, cannot(host.ExitUsage, path, err)
	}
	defer file.Close()
	s, err := simulate.New(ctx, o)
	if err != nil {
		return report, host.Fail(host.ExitUsage, err)
	}
	metadata, err := json.Marshal(s.Metadata())
	if err != nil {
		return report, fmt.Errorf("simulate: %w", err)
	}
	out := s.AsRead()
	out.Metadata = string(metadata)
	if err := format.EncodeScan(file, path, out, format.Counts); err != nil {
		return report, host.Fail(host.ExitData, err)
	}
	commit := file.CommitNew
	if overwrite {
		commit = file.Commit
	}
	if err := commit(); errors.Is(err, fs.ErrExist) { // another process was faster
		return report, exists()
	} else if err != nil {
		return report, cannot(host.ExitData, path, err)
	}
	report.Patterns, report.N = out.Len(), out.N
	for _, k := range out.Counts {
		report.MeanCounts += float64(k) / float64(max(out.Len(), 1))
	}
	return report, nil
}

// cannot returns the error of a file that cannot be written.
func cannot(code int, path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) { // the path is named once
		err = p.Err
	}
	return host.Failf(code, "simulate: %s cannot be written: %w", path, err)
}
