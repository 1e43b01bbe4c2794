// Package inspect describes a scan: the contents of its file, the quality of its data, and whether they support the positions.
package inspect

import (
	"context"
	"errors"
	"slices"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/examine"
	"github.com/ptychogo/ptycho/core/scan"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/solve"
)

// Report describes a scan file.
type Report struct {
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

	Quality scan.Quality `json:"quality"`
	// Findings are the faults and properties found by core/examine; their frames are rows of the file.
	Findings []examine.Finding `json:"findings"`
	// Geometry is the result of short reconstructions with all orientations of the positions. It is nil if not requested or
	// if the scan is too small.
	Geometry *iterative.Geometry `json:"geometry,omitempty"`
	// GeometryNote says why Geometry is missing although it was requested, or is "".
	GeometryNote string `json:"geometry_note,omitempty"`
	// Fault is the reason why the scan cannot be reconstructed, or "".
	Fault string `json:"fault,omitempty"`
}

// Options name the scan and the checks.
type Options struct {
	Path     string
	Units    string
	Layout   string
	Rows     string
	Scan     config.ScanSettings
	Geometry bool // try the orientations of the positions
	Scale    bool // also try other step lengths
	Threads  int

	HighCompression bool // read arrays that expand more than 1000 times

	Progress func(host.Progress) // of reading; may be nil

	// Read receives what was read, before the examination and the geometry check, which take longer. It may be nil.
	Read func(Report)
}

// Run reads a scan and describes it. The fingerprint is computed during the checks.
func Run(ctx context.Context, o Options) (report Report, err error) {
	report = Report{Path: o.Path}
	spool := dataset.NewSpool().Watch(o.Progress)
	defer spool.Remove()
	s, err := dataset.Source{Path: o.Path, Units: o.Units, Layout: o.Layout, Rows: o.Rows, Scan: o.Scan, HighCompression: o.HighCompression, Unchecked: true, Spool: spool}.Read(ctx, nil)
	if err != nil {
		return report, err
	}
	report.Patterns, report.N, report.Modes, report.HasObject, report.Notes = s.Len(), s.N, s.Modes, s.Object != nil, s.Notes
	report.RowRange = [2]float64{slices.Min(s.Rows), slices.Max(s.Rows)}
	report.ColumnRange = [2]float64{slices.Min(s.Cols), slices.Max(s.Cols)}
	ctx, cancel := context.WithCancelCause(ctx)
	fingerprint := make(chan string)
	go func() {
		id, _ := s.FingerprintUntil(ctx) // "" after the end of ctx
		fingerprint <- id
	}()
	defer func() { // before the spool is removed
		if err != nil {
			cancel(err)
		}
		report.Fingerprint = <-fingerprint
		cancel(nil)
	}()
	if err = describe(ctx, s, o, &report); err == nil {
		err = dataset.Verify(ctx, s)
	}
	return report, err
}

// describe checks a scan and completes its report.
func describe(ctx context.Context, s *scan.Scan, o Options, report *Report) (err error) {
	if report.Quality, err = s.Quality(ctx); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return err
	}
	report.MeanCounts, report.MaxCount, report.DarkShare = report.Quality.MeanCounts, report.Quality.MaxCount, report.Quality.DarkShare
	if err := s.Check(); err != nil {
		report.Fault = err.Error()
	}
	if o.Read != nil {
		o.Read(*report)
	}
	found, err := examine.Scan(ctx, s)
	if err != nil {
		return err
	}
	report.Findings = append([]examine.Finding{}, found...) // [] in JSON, not null
	if !o.Geometry && !o.Scale || report.Fault != "" {
		return nil
	}
	if err := (solve.Survey{Threads: o.Threads}).Support(ctx, s); err != nil {
		var found *scan.Fault
		if !errors.As(err, &found) {
			return err
		}
		report.Fault = found.Error()
		return nil
	}
	if report.Geometry, err = iterative.CheckGeometry(ctx, s, iterative.GeometryOptions{Scale: o.Scale, Threads: o.Threads}); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		report.GeometryNote = err.Error()
	}
	report.Findings = slices.Insert(report.Findings, 0, examine.OrientationOf(report.Geometry)...) // keeps [] in JSON
	return nil
}
