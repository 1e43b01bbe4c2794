package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
)

// SimulateReport describes a simulated scan.
type SimulateReport struct {
	Path       string  `json:"path"`
	Patterns   int     `json:"patterns"`
	N          int     `json:"n"`
	MeanCounts float64 `json:"mean_counts"` // photons in a pattern
}

// Simulate writes a scan with its truth. The same options give the same bytes.
func Simulate(ctx context.Context, o simulate.Options, path string, overwrite bool) (SimulateReport, error) {
	report := SimulateReport{Path: path}
	if _, err := os.Stat(path); err == nil && !overwrite {
		return report, failf(ExitUsage, "simulate: %s exists: give another --output, or --overwrite to replace it", path)
	}
	s, err := simulate.New(ctx, o)
	if err != nil {
		return report, fail(ExitUsage, err)
	}
	metadata, err := json.Marshal(s.Metadata())
	if err != nil {
		return report, fmt.Errorf("simulate: %w", err)
	}
	out := asScan(s)
	out.Metadata = string(metadata)
	if err := format.WriteScan(path, out, format.Counts); err != nil {
		return report, fail(ExitData, err)
	}
	report.Patterns, report.N = out.Len(), out.N
	for _, k := range out.Counts {
		report.MeanCounts += float64(k) / float64(max(out.Len(), 1))
	}
	return report, nil
}

// asScan is a simulated scan as a reader would give it.
func asScan(s *simulate.Scan) *scan.Scan {
	out := &scan.Scan{
		N: s.N, Counts: s.Counts, Rows: s.Rows, Cols: s.Cols, Modes: 1, Split: s.Split,
		Object: s.Object.Complex64(), ObjectHeight: s.Object.H, ObjectWidth: s.Object.W, Probe: make([]complex64, len(s.Probe)),
	}
	for i, v := range s.Probe {
		out.Probe[i] = complex64(v)
	}
	return out
}
