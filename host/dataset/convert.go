package dataset

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
)

// Conversion is a scan in HDF5 to be written as npz.
type Conversion struct {
	From, To  string
	Given     acquisition.Given
	Rows      string // "": all
	Draw      int    // 0: all
	Seed      int64
	Overwrite bool
	Flags     []string // recorded in the result
}

// Converted describes the result of a conversion.
type Converted struct {
	Path         string   `json:"path"`
	Source       string   `json:"source"`
	Format       string   `json:"format"`
	Patterns     int      `json:"patterns"`
	N            int      `json:"n"`
	PixelSize    float64  `json:"pixel_size_m"`
	Wavelength   float64  `json:"wavelength_m"`
	Distance     float64  `json:"distance_m"`
	DetectorSize float64  `json:"detector_pixel_size_m"`
	MeanCounts   float64  `json:"mean_counts"`
	Flags        []string `json:"flags"`
	Notes        []string `json:"notes"`
}

// Convert reads a scan in HDF5 and writes it as npz, in object pixels.
func Convert(ctx context.Context, o Conversion, notice func(string, ...any)) (Converted, error) {
	r := Converted{Path: o.To, Source: o.From, Flags: o.Flags}
	if acquisition.Is(o.To) { // perhaps raw data, and perhaps read for the positions
		return r, host.Failf(host.ExitUsage, "convert: %s is an HDF5 file, and convert writes npz: give another file", o.To)
	}
	file, err := create("convert", o.To, o.Overwrite)
	if err != nil {
		return r, err
	}
	defer file.Close()
	s, a, err := readGiven(ctx, o)
	if err != nil {
		return r, err
	}
	r.Format, r.Patterns, r.N, r.PixelSize = a.Format, s.Len(), s.N, s.PixelSize
	r.Wavelength, r.Distance, r.DetectorSize, r.Notes = a.Wavelength, a.Distance, a.PixelWidth, s.Notes
	for _, n := range s.Notes {
		notice("%s", n)
	}
	for _, k := range s.Counts {
		r.MeanCounts += float64(k) / float64(s.Len())
	}
	metadata, err := json.Marshal(r)
	if err != nil {
		return r, fmt.Errorf("convert: %w", err)
	}
	s.Metadata = string(metadata)
	form := format.Counts
	if !s.Whole() {
		form = format.Amplitude
	}
	return r, file.write(s, form)
}

// readGiven reads the selected patterns.
func readGiven(ctx context.Context, o Conversion) (*scan.Scan, *acquisition.Acquisition, error) {
	a, err := acquisition.OpenGiven(o.From, o.Given)
	if err != nil {
		return nil, nil, host.Fail(host.ExitData, err)
	}
	defer a.Close()
	rows, err := scan.ParseRows(o.Rows, nil, a.Patterns)
	if err == nil && o.Draw != 0 && o.Draw < len(rows) {
		rows, err = scan.Draw(rows, o.Draw, o.Seed)
	}
	if err != nil {
		return nil, nil, host.Failf(host.ExitData, "%s: %w", o.From, err)
	}
	s, err := a.Read(ctx, rows, true)
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, nil, host.Fail(host.ExitData, err)
	}
	return s, a, nil
}

// ParsePositions reads a list of exchange, flip-rows and flip-columns.
func ParsePositions(list string, g *acquisition.Given) error {
	for _, word := range strings.Split(list, ",") {
		switch strings.TrimSpace(word) {
		case "", "none":
		case "exchange":
			g.Exchange = true
		case "flip-rows":
			g.FlipRows = true
		case "flip-columns":
			g.FlipColumns = true
		default:
			return fmt.Errorf("--positions %q: want exchange, flip-rows and flip-columns, separated by commas", list)
		}
	}
	return nil
}
