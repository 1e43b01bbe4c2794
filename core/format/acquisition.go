package format

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/scan"
)

// openAcquisition opens an HDF5 file; ok is false for other files.
func openAcquisition(path string, g acquisition.Given) (a *acquisition.Acquisition, ok bool, err error) {
	if !g.Reads(path) {
		return nil, false, nil
	}
	a, err = acquisition.Open(path, g)
	return a, true, DataError(path, err)
}

// flagError is an error of the command line about a file.
func flagError(path, format string, args ...any) *npz.Error {
	e := npz.Errorf(path, format, args...)
	e.Flag = true
	return e
}

// DataError makes an *npz.Error of an error that begins with the file's name.
func DataError(path string, err error) error {
	if err == nil {
		return nil
	}
	var flag *acquisition.FlagError
	return &npz.Error{Path: path, What: strings.ReplaceAll(err.Error(), path+": ", ""), Err: err, Flag: errors.As(err, &flag)}
}

// describeAcquisition returns what Describe says of an HDF5 file.
func describeAcquisition(a *acquisition.Acquisition, layout Layout) (*Description, error) {
	if err := Choose(a, Auto, layout); err != nil {
		return nil, err
	}
	n := a.N()
	if n < MinSide || n > MaxSide {
		return nil, npz.Errorf(a.Path, "patterns have %d×%d pixels, and sides from %d to %d are read", a.Height, a.Width, MinSide, MaxSide)
	}
	_, pixel := a.PreparedPixel()
	return &Description{Path: a.Path, Format: a.Format, Key: a.Format, Layout: LayoutNHW, Patterns: a.Patterns, N: n, Height: n, Width: n, Rows: a.Y, Cols: a.X,
		Modes: a.Modes, HasMask: a.Mask != nil, PixelSize: pixel, Notes: a.Notes,
		Geometry: scan.Geometry{Wavelength: a.Wavelength, Distance: a.Distance, DetectorPixel: a.PixelWidth}}, nil
}

// Choose says how the patterns of a file that is not one of ours are taken. Its error is one of the flags.
func Choose(a *acquisition.Acquisition, units Units, layout Layout) error {
	switch {
	case layout != LayoutAuto && layout != LayoutNHW:
		return flagError(a.Path, "a %s file has its patterns along the first axis", a.Format).Hint("leave --diffraction-layout out")
	case units == Normalised:
		return flagError(a.Path, "a %s file has counts or amplitudes", a.Format).Hint("give --diffraction-units counts or amplitude, or leave it out")
	case units != Auto:
		a.Values(units == Amplitude)
	}
	return nil
}

// readAcquisition reads a scan from an HDF5 file.
func readAcquisition(ctx context.Context, a *acquisition.Acquisition, o ScanOptions, units Units) (*scan.Scan, error) {
	d, err := describeAcquisition(a, o.Layout)
	if err != nil {
		return nil, err
	}
	if o.Photons > 0 {
		return nil, flagError(a.Path, "a %s file has counts or amplitudes, which need no photon number", a.Format).Hint("leave --nphotons out")
	}
	if err := Choose(a, units, o.Layout); err != nil {
		return nil, err
	}
	rows, err := scan.ParseRows(o.Rows, nil, d.Patterns)
	if err == nil && o.Draw != 0 && o.Draw < len(rows) {
		rows, err = scan.Draw(rows, o.Draw, o.Seed)
	}
	if err != nil {
		return nil, &npz.Error{Path: a.Path, What: err.Error(), Err: err}
	}
	s, err := a.Store(ctx, rows, !o.NoProbe, o.storage(len(rows), d.N))
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if errors.As(err, new(*scan.SpoolError)) || errors.As(err, new(*scan.SourceError)) {
		return nil, err
	}
	if err != nil {
		return nil, DataError(a.Path, err)
	}
	if o.Draw > len(rows) {
		s.Notes = append(s.Notes, fmt.Sprintf("%d patterns were requested, but the selection has %d: all are used", o.Draw, len(rows)))
	}
	return s, nil
}
