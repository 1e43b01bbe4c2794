// Package dataset is a scan on its way to a backend: read from its file, spooled where the backend maps it, put into
// batches, and the patches that come back.
package dataset

import (
	"context"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/rundir"
)

// Source says which scan is read, and how, in the words of the settings.
type Source struct {
	Path    string
	Units   string  // diffraction-units
	Layout  string  // diffraction-layout
	Rows    string  // patterns to use; "" is all
	Draw    int     // n-images: draw so many of them; 0 is all
	Seed    int64   // of the draw
	Photons float64 // nphotons

	HighCompression bool // allow-high-compression
	Unchecked       bool // the caller looks for faults itself, with scan.Check
	NoProbe         bool // the caller has a probe
}

// Read reads the scan and refuses one with a fault. notice, which may be nil, receives what the reader found out.
func (s Source) Read(ctx context.Context, notice func(format string, args ...any)) (*scan.Scan, error) {
	if err := rundir.Settle(s.Path); err != nil { // a demonstration's scan lies in its output folder
		return nil, host.Fail(host.ExitData, err)
	}
	units, err := format.ParseUnits(s.Units)
	if err != nil {
		return nil, host.Fail(host.ExitUsage, err)
	}
	layout, err := format.ParseLayout(s.Layout)
	if err != nil {
		return nil, host.Fail(host.ExitUsage, err)
	}
	data, err := format.ReadScan(ctx, s.Path, format.ScanOptions{Units: units, Layout: layout, Rows: s.Rows, Draw: s.Draw, Seed: s.Seed, Photons: s.Photons, HighCompression: s.HighCompression, NoProbe: s.NoProbe})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, host.Fail(host.ExitData, err)
	}
	if notice != nil {
		for _, n := range data.Notes {
			notice("%s", n)
		}
	}
	if s.Unchecked {
		return data, nil
	}
	return data, Check(data)
}

// Check is scan.Check with the file's name and the exit code for data.
func Check(data *scan.Scan) error {
	if err := data.Check(); err != nil {
		return host.Failf(host.ExitData, "%s: %w", data.Source, err)
	}
	return nil
}
