package dataset

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/host"
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
	file, err := create("simulate", path, overwrite)
	if err != nil {
		return report, err
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
	if err := file.write(out, format.Counts); err != nil {
		return report, err
	}
	report.Patterns, report.N = out.Len(), out.N
	for _, k := range out.Counts {
		report.MeanCounts += float64(k) / float64(max(out.Len(), 1))
	}
	return report, nil
}
