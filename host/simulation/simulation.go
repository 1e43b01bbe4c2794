// Package simulation writes simulated scans.
package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/host"
)

// Report describes a simulated scan.
type Report struct {
	Path       string  `json:"path"`
	Patterns   int     `json:"patterns"`
	N          int     `json:"n"`
	MeanCounts float64 `json:"mean_counts"` // photons in a pattern
}

// Write writes a scan with its truth. The same options give the same bytes.
func Write(ctx context.Context, o simulate.Options, path string, overwrite bool) (Report, error) {
	report := Report{Path: path}
	if _, err := os.Stat(path); err == nil && !overwrite {
		return report, host.Failf(host.ExitUsage, "simulate: %s exists: give another --output, or --overwrite to replace it", path)
	}
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
	if err := format.WriteScan(path, out, format.Counts); err != nil {
		return report, host.Fail(host.ExitData, err)
	}
	report.Patterns, report.N = out.Len(), out.N
	for _, k := range out.Counts {
		report.MeanCounts += float64(k) / float64(max(out.Len(), 1))
	}
	return report, nil
}
