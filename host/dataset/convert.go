package dataset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
)

// Conversion is a scan to be written as npz, as CXI, or for Ptychodus or ptypy.
type Conversion struct {
	From, To  string
	Form      string // npz, cxi, ptychodus or ptyd; "": by the extension of To
	Scan      config.ScanSettings
	Rows      string // "": all
	Draw      int    // 0: all
	Seed      int64
	Overwrite bool
	Flags     []string // recorded in the result

	Units, Layout   string // of the patterns; "": detected
	HighCompression bool

	given acquisition.Given // of Scan
}

// Converted describes the result of a conversion.
type Converted struct {
	Path         string   `json:"path"`
	Product      string   `json:"product,omitempty"` // of Ptychodus, beside the patterns
	Probe        bool     `json:"probe,omitempty"`   // the product has one
	Source       string   `json:"source"`
	Format       string   `json:"format"`
	Patterns     int      `json:"patterns"`
	N            int      `json:"n"`
	PixelSize    float64  `json:"pixel_size_m"`
	Wavelength   float64  `json:"wavelength_m"`
	Distance     float64  `json:"distance_m"`
	DetectorSize float64  `json:"detector_pixel_size_m"`
	MeanCounts   float64  `json:"mean_counts"`
	Units        string   `json:"diffraction_units,omitempty"` // counts, where they are not whole numbers
	Flags        []string `json:"flags"`
	Notes        []string `json:"notes"`
}

// Convert reads a scan and writes it in another form: npz in object pixels, the others in metres.
func Convert(ctx context.Context, o Conversion, notice func(string, ...any)) (Converted, error) {
	r := Converted{Path: o.To, Source: o.From, Flags: o.Flags}
	form, err := formOf(o)
	if err != nil {
		return r, err
	}
	if o.given, err = given(o.Scan); err != nil {
		return r, err
	}
	if usual := formByName(o.To); o.Form != "" && usual != "" && usual != form {
		notice("%s is written as %s, although its extension is that of %s", o.To, form, usual)
	}
	if err := o.keepsInputs(form); err != nil {
		return r, err
	}
	if form != formNPZ {
		return convertForeign(ctx, o, form, r, notice)
	}
	if kind := acquisition.Kind(o.To); kind != "" && kind != "npz" { // perhaps raw data
		return r, host.Failf(host.ExitUsage, "convert: %s is a file of the format %s, and the result would be npz: give another file", o.To, kind)
	}
	file, err := create("convert", o.To, o.Overwrite)
	if err != nil {
		return r, err
	}
	defer file.Close()
	s, name, err := readGiven(ctx, o)
	if err != nil {
		return r, err
	}
	r.describe(s, name)
	for _, n := range s.Notes {
		notice("%s", n)
	}
	warn(s, notice)
	r.count(s.Counts)
	if !s.Whole() {
		r.Units = string(format.Counts)
		notice("counts are not all whole numbers below 2^30, and are written as float32; other programs may take them for amplitudes")
	}
	metadata, err := json.Marshal(r)
	if err != nil {
		return r, fmt.Errorf("convert: %w", err)
	}
	s.Metadata = string(metadata)
	return r, file.write(s, format.Counts)
}

// keepsInputs returns an error if the result would replace a file that is read.
func (o Conversion) keepsInputs(form string) error {
	return keeps(o.results(form), append(o.given.Files(), o.From))
}

// results returns the files that are written.
func (o Conversion) results(form string) []string {
	if form == formPtychodus {
		return []string{o.To, productPath(o.To)}
	}
	return []string{o.To}
}

// keeps returns an error if a result would replace an input.
func keeps(results, inputs []string) error {
	for _, result := range results {
		to, err := os.Stat(result)
		if err != nil {
			continue // nothing is replaced
		}
		for _, name := range inputs {
			if from, err := os.Stat(name); err == nil && os.SameFile(from, to) {
				return host.Failf(host.ExitUsage, "convert: %s is read, and would be replaced: give another file for the result", result)
			}
		}
	}
	return nil
}

// warn says if other commands will refuse the scan, most often for a wrong unit.
func warn(s *scan.Scan, notice func(string, ...any)) {
	if err := s.CheckPositions(); err != nil {
		notice("warning: other commands will refuse this scan: %v", err)
	}
}

// describe reports the scan as it was read from a file of that form.
func (r *Converted) describe(s *scan.Scan, name string) {
	r.Format, r.Patterns, r.N, r.PixelSize = name, s.Len(), s.N, s.PixelSize
	r.Wavelength, r.Distance, r.DetectorSize, r.Notes = s.Geometry.Wavelength, s.Geometry.Distance, s.Geometry.DetectorPixel, s.Notes
}

// count adds counts to the mean.
func (r *Converted) count(counts []float32) {
	for _, k := range counts {
		r.MeanCounts += float64(k) / float64(r.Patterns)
	}
}

// readGiven reads the selected patterns and returns the name of the file's form too.
func readGiven(ctx context.Context, o Conversion) (*scan.Scan, string, error) {
	if !o.given.Reads(o.From) {
		s, err := o.source().Read(ctx, nil)
		return s, formNPZ, err
	}
	a, rows, err := openGiven(o)
	if err != nil {
		return nil, "", err
	}
	defer a.Close()
	s, err := a.Read(ctx, rows, true)
	if ctx.Err() != nil {
		return nil, "", context.Cause(ctx)
	}
	return s, a.Format, format.DataError(o.From, err)
}

// source names the scan of a conversion.
func (o Conversion) source() Source {
	return Source{Path: o.From, Units: o.Units, Layout: o.Layout, HighCompression: o.HighCompression, Rows: o.Rows, Draw: o.Draw, Seed: o.Seed, Scan: o.Scan, Unchecked: true}
}

// take applies the units of the patterns that are given.
func (o Conversion) take(a *acquisition.Acquisition) error {
	units, err := format.ParseUnits(o.Units)
	if err != nil {
		return err
	}
	layout, err := format.ParseLayout(o.Layout)
	if err != nil {
		return err
	}
	return format.Choose(a, units, layout)
}

// openGiven opens an HDF5 file and selects patterns.
func openGiven(o Conversion) (*acquisition.Acquisition, []int, error) {
	a, err := acquisition.Open(o.From, o.given)
	var flag *acquisition.FlagError
	if errors.As(err, &flag) {
		return nil, nil, err
	}
	if err != nil {
		return nil, nil, format.DataError(o.From, err)
	}
	if err := o.take(a); err != nil {
		a.Close()
		return nil, nil, err
	}
	rows, err := scan.ParseRows(o.Rows, nil, a.Patterns)
	if err == nil && o.Draw != 0 && o.Draw < len(rows) {
		rows, err = scan.Draw(rows, o.Draw, o.Seed)
	}
	if err != nil {
		a.Close()
		return nil, nil, host.Failf(host.ExitData, "%s: %w", o.From, err)
	}
	return a, rows, nil
}
