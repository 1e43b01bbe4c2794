package dataset

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
)

// The forms in which a scan is written.
const (
	formNPZ       = "npz"
	formCXI       = "cxi"
	formPtychodus = "ptychodus"
	formPtyd      = "ptyd"
)

// formOf returns the form of a conversion's result.
func formOf(o Conversion) (string, error) {
	switch form := o.Form; {
	case form == formNPZ, form == formCXI, form == formPtychodus, form == formPtyd:
		return form, nil
	case form != "":
		return "", host.Failf(host.ExitUsage, "convert: --to %s: want npz, cxi, ptychodus or ptyd", form)
	}
	if form := formByName(o.To); form != "" {
		return form, nil
	}
	return formNPZ, nil
}

// formByName returns the form of which a file has the extension, "" where the extension says none.
func formByName(path string) string {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".npz":
		return formNPZ
	case ".cxi":
		return formCXI
	case ".h5", ".hdf5":
		return formPtychodus
	case ".ptyd":
		return formPtyd
	}
	return ""
}

// A reading is a scan whose patterns are read while they are written.
type reading struct {
	*scan.Scan
	name   string // of the form
	stored format.CountType
	each   func(func([]float32) error) error
	joined func() []string // files that were read besides those that are named
	close  func()
}

// begin opens the file of a conversion.
func begin(ctx context.Context, o Conversion) (*reading, error) {
	if !o.given.Reads(o.From) {
		s, err := o.source().Read(ctx, nil)
		if err != nil {
			return nil, err
		}
		return &reading{s, formNPZ, format.CountTypeOf(s.Whole(), slices.Max(s.Counts)), func(visit func([]float32) error) error { return visit(s.Counts) }, func() []string { return nil }, func() {}}, nil
	}
	a, rows, err := openGiven(o)
	if err != nil {
		return nil, err
	}
	s, err := a.Frame(rows, true)
	if err != nil {
		a.Close()
		return nil, format.DataError(o.From, err)
	}
	each := func(visit func([]float32) error) error { return a.Each(ctx, s, visit) }
	return &reading{s, a.Format, format.CountTypeOfBits(a.IntegerBits()), each, a.Joined, func() { a.Close() }}, nil
}

// convertForeign writes CXI, prepared data of ptypy, or the two files of Ptychodus. Patterns are read and written some at a time.
func convertForeign(ctx context.Context, o Conversion, form string, r Converted, notice func(string, ...any)) (Converted, error) {
	file, err := createHDF5(o.To, o.Overwrite)
	if err != nil {
		return r, err
	}
	defer file.Close()
	var beside *newScan // the product of Ptychodus
	if form == formPtychodus {
		if beside, err = createProduct(o); err != nil {
			return r, err
		}
		defer beside.Close()
	}
	s, err := begin(ctx, o)
	if err != nil {
		return r, err
	}
	defer s.close()
	results := o.results(form)
	if err := keeps(results, s.joined()); err != nil {
		return r, err
	}
	r.describe(s.Scan, s.name)
	out, err := s.outgoing(o, &r)
	if err != nil {
		return r, err
	}
	write := format.WriteCXIScan
	switch form {
	case formPtyd:
		write = format.WritePtyd
	case formPtychodus:
		if write, err = format.WriteDiffraction, out.CheckBlank(); err != nil {
			return r, host.Failf(host.ExitData, "%s: %w", o.From, err)
		}
	}
	err = write(file, out)
	switch {
	case ctx.Err() != nil:
		return r, context.Cause(ctx)
	case err != nil:
		return r, file.failure(err)
	}
	if err := keeps(results, s.joined()); err != nil { // virtual datasets open their files when they are read
		return r, err
	}
	s.noteOmitted(form)
	for _, n := range s.Notes {
		notice("%s", n)
	}
	warn(s.Scan, notice)
	r.Notes = s.Notes
	if beside != nil {
		if err := s.product(beside, o, out, &r, notice); err != nil {
			return r, err
		}
		return r, placeBoth(file, beside)
	}
	return r, file.place()
}

// noteOmitted notes what a form has no place for.
func (s *reading) noteOmitted(form string) {
	if s.Object != nil {
		s.Notes = append(s.Notes, "objectGuess is not written: the file has the scan, and no image")
	}
	if s.Probe != nil && form == formPtyd {
		s.Notes = append(s.Notes, "probeGuess is not written: prepared data of ptypy has no place for a probe")
	}
}

// outgoing describes the scan for its file. r receives the mean of the counts.
func (s *reading) outgoing(o Conversion, r *Converted) (*format.Export, error) {
	var missing []string
	for _, v := range []struct {
		value float64
		flag  string
	}{{s.Geometry.Wavelength, "--energy or --wavelength"}, {s.Geometry.Distance, "--distance"}, {s.Geometry.DetectorPixel, "--detector-pixel-size"}} {
		if v.value <= 0 {
			missing = append(missing, v.flag)
		}
	}
	if missing != nil {
		return nil, host.Failf(host.ExitData, "%s: %s is in metres, and the scan has positions in pixels: give %s", o.From, o.To, strings.Join(missing, ", "))
	}
	out := &format.Export{N: s.N, Rows: s.Rows, Cols: s.Cols, Index: s.Index, PixelSize: s.PixelSize, Geometry: s.Geometry, Probe: s.Probe, Modes: s.Modes, Stored: s.stored}
	sums := make([]float64, s.N*s.N)
	out.Each = func(visit func([]float32) error) error {
		return s.each(func(counts []float32) error {
			for i, k := range counts {
				sums[i%len(sums)] += float64(k)
			}
			return visit(counts)
		})
	}
	out.After = func() ([]uint8, format.Provenance) {
		r.MeanCounts = 0
		for i, k := range sums {
			if s.Mask == nil || s.Mask[i] != 0 { // a pixel that a later pattern marks is not 0 in the patterns before
				r.MeanCounts += k / float64(r.Patterns)
			}
		}
		return s.Mask, s.provenance(o, *r)
	}
	return out, nil
}

// provenance describes the conversion in its files.
func (s *reading) provenance(o Conversion, r Converted) format.Provenance {
	p := format.Provenance{Version: host.Version, Command: "convert", Source: format.SourceName(o.From)}
	if s.Counts != nil {
		p.Digest = s.Fingerprint()
	}
	if text, err := json.Marshal(r); err == nil { // a report of numbers and texts always has a JSON form
		p.Report = string(text)
	}
	return p
}

// product writes the product of Ptychodus beside the patterns, with positions and probe.
func (s *reading) product(file *newScan, o Conversion, out *format.Export, r *Converted, notice func(string, ...any)) error {
	if s.Probe == nil {
		notice("%s has no probe, because the scan has none; Ptychodus opens a product only with a probe", file.path)
	}
	r.Product, r.Probe = file.path, s.Probe != nil
	p, err := out.Blank(s.provenance(o, *r))
	if err != nil {
		return host.Failf(host.ExitData, "%s: %w", o.From, err)
	}
	p.Photons = r.MeanCounts
	if err := format.WriteProduct(file, p); err != nil {
		return file.failure(err)
	}
	return nil
}

// placeBoth puts the patterns and the product into their places. Both are on the disk before the first is renamed. A process that is killed
// between the renames leaves new patterns beside no product or an old one, which the reader refuses and --overwrite replaces.
func placeBoth(patterns, product *newScan) error {
	for _, f := range []*newScan{patterns, product} {
		if err := f.Sync(); err != nil {
			return f.cannot(host.ExitOther, err)
		}
	}
	if err := patterns.place(); err != nil {
		return err
	}
	return product.place()
}

// createProduct opens the file of the product. It refuses a product that may belong to another scan, or is the file of the patterns.
func createProduct(o Conversion) (*newScan, error) {
	path := productPath(o.To)
	if product, err := os.Stat(path); err == nil && o.Overwrite {
		patterns, err := os.Stat(o.To)
		switch {
		case errors.Is(err, fs.ErrNotExist) && format.Wrote(path):
			return nil, host.Failf(host.ExitUsage, "convert: %s would be replaced, but %s is not there, so that it may belong to another scan: give another file, or move it away", path, o.To)
		case err == nil && os.SameFile(patterns, product):
			return nil, host.Failf(host.ExitUsage, "convert: %s and %s are the same file, and two are written: remove the link", o.To, path)
		}
	}
	return createHDF5(path, o.Overwrite)
}

// productPath returns the file of the product of a diffraction file.
func productPath(path string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + ".product.h5"
}

// createHDF5 is create for an HDF5 file. It does not replace a file that ptycho did not write: it may be raw data.
func createHDF5(path string, overwrite bool) (*newScan, error) {
	if kind := acquisition.Kind(path); kind != "" && overwrite && !format.Wrote(path) {
		return nil, host.Failf(host.ExitUsage, "convert: %s is a file of the format %s that ptycho did not write: give another file", path, kind)
	}
	return create("convert", path, overwrite)
}
