// Package dataset passes a scan to a backend: it reads or simulates the file, spools the patterns where the backend maps them,
// forms batches, and reads the resulting patches.
package dataset

import (
	"context"
	"errors"
	"os"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/output"
)

// Source names a scan file and the settings of reading it.
type Source struct {
	Path    string
	Units   string  // diffraction-units
	Layout  string  // diffraction-layout
	Rows    string  // patterns to use; "" is all
	Draw    int     // n-images: number of patterns to draw; 0 is all
	Seed    int64   // of the draw
	Photons float64 // nphotons
	Scan    config.ScanSettings

	// Adapt returns the side to which patterns are cropped or padded at last; nil: they stay.
	Adapt func(n int) int

	HighCompression bool // allow-high-compression
	Unchecked       bool // the caller checks the scan itself, with scan.Check
	NoProbe         bool // the caller has a probe

	Hold  int64  // bytes of counts, as float32, that are held in memory and not in the Spool
	Spool *Spool // receives the patterns, in the smallest type that holds them; nil: the patterns are held in memory
}

// Read reads the scan and returns an error if the scan is faulty. notice, which may be nil, receives the reader's notes.
func (s Source) Read(ctx context.Context, notice func(format string, args ...any)) (*scan.Scan, error) {
	if err := output.Settle(s.Path); err != nil { // the scan of a demo is in an output folder
		return nil, err
	}
	units, err := format.ParseUnits(s.Units)
	if err != nil {
		return nil, err
	}
	layout, err := format.ParseLayout(s.Layout)
	if err != nil {
		return nil, err
	}
	given, err := s.given()
	if err != nil {
		return nil, err
	}
	o := format.ScanOptions{Units: units, Layout: layout, Rows: s.Rows, Draw: s.Draw, Seed: s.Seed, Photons: s.Photons, HighCompression: s.HighCompression, NoProbe: s.NoProbe, Given: given}
	if s.Spool != nil {
		o.Storage, o.Hold = scan.Storage{Create: s.Spool.Create, Keep: s.Spool.Keep}, s.Hold
	}
	data, err := format.ReadScan(ctx, s.Path, o)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var spool *scan.SpoolError
	if errors.As(err, &spool) {
		if errors.As(err, new(*os.PathError)) { // otherwise the error of creating the file says what to do
			return nil, spoolError(needsRoom(spool.Err))
		}
		return nil, spoolError(spool.Err)
	}
	if err != nil {
		return nil, err
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

// Verify returns an error with the exit code for data if patterns that are used where the scan's file has them were changed since.
func Verify(ctx context.Context, data *scan.Scan) error {
	if err := data.Verify(ctx); err != nil {
		return host.Fail(host.ExitData, err)
	}
	return nil
}

// Blame returns the error of Verify in place of an error of a run, whose cause it then is: a backend does not know the name of the scan.
func Blame(err error, scans ...*scan.Scan) error {
	if err == nil {
		return nil
	}
	for _, s := range scans {
		if s == nil {
			continue
		}
		if changed := Verify(context.Background(), s); changed != nil { // the run may have ended with its context
			return changed
		}
	}
	return err
}

// Check calls scan.Check and adds the file's name and the exit code for data to its error.
func Check(data *scan.Scan) error {
	if err := data.Check(); err != nil {
		return host.Failf(host.ExitData, "%s: %w", data.Source, err)
	}
	return nil
}
