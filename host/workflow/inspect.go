package workflow

import (
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/format"
)

// InspectReport describes a scan file.
type InspectReport struct {
	Path        string     `json:"path"`
	Patterns    int        `json:"patterns"`
	N           int        `json:"n"`
	MeanCounts  float64    `json:"mean_counts"` // photons in a pattern
	MaxCount    float64    `json:"max_count"`   // in a pixel
	DarkShare   float64    `json:"dark_share"`  // of pixels with 0 counts
	RowRange    [2]float64 `json:"row_range"`   // of the positions, object pixels
	ColumnRange [2]float64 `json:"column_range"`
	Modes       int        `json:"probe_modes"` // 0: no probe
	HasObject   bool       `json:"has_object"`
	Fingerprint string     `json:"fingerprint"`
	Notes       []string   `json:"notes"`
}

// Inspect reads a scan and describes it.
func Inspect(path, units, layout, rows string) (InspectReport, error) {
	report := InspectReport{Path: path}
	u, err := format.ParseUnits(units)
	if err != nil {
		return report, fail(ExitUsage, err)
	}
	l, err := format.ParseLayout(layout)
	if err != nil {
		return report, fail(ExitUsage, err)
	}
	s, err := format.ReadScan(path, format.ScanOptions{Units: u, Layout: l, Rows: rows})
	if err != nil {
		return report, fail(ExitData, err)
	}
	report.Patterns, report.N, report.Modes, report.HasObject, report.Notes = s.Len(), s.N, s.Modes, s.Object != nil, s.Notes
	report.RowRange = [2]float64{slices.Min(s.Rows), slices.Max(s.Rows)}
	report.ColumnRange = [2]float64{slices.Min(s.Cols), slices.Max(s.Cols)}
	dark := 0
	for _, k := range s.Counts {
		report.MeanCounts += float64(k)
		report.MaxCount = math.Max(report.MaxCount, float64(k))
		if k == 0 {
			dark++
		}
	}
	report.MeanCounts /= float64(s.Len())
	report.DarkShare = float64(dark) / float64(len(s.Counts))
	report.Fingerprint = s.Fingerprint()
	return report, nil
}
