// Package evaluate compares a reconstruction with a reference: the truth, or another program's image.
package evaluate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/output"
)

// Options name the images to compare.
type Options struct {
	Reconstruction string // file with the image
	Reference      string // file with the truth, or with another program's image
	Data           string // file with the patterns; "": the reference
	Rows           string // patterns for R and the box; "" is all
	Units          string // of the patterns
	Layout         string // of the patterns
	Scan           config.ScanSettings
	Threads        int          // for R, which does not depend on their number; 0: all cores
	Box            *metrics.Box // rows and columns to compare; nil: the box of the scan positions
	Ramp           bool         // remove a linear phase ramp

	HighCompression bool // read arrays that expand more than 1000 times
}

// Report holds the metrics of a reconstruction.
type Report struct {
	Reconstruction string `json:"reconstruction"`
	Reference      string `json:"reference"`
	metrics.Report
	Residual     *metrics.Number `json:"R,omitempty"`           // of the reconstruction over the reference's patterns
	FlatResidual *metrics.Number `json:"R_flat,omitempty"`      // of an empty object
	Expected     *metrics.Number `json:"R_expected,omitempty"`  // of Poisson counts as the reconstruction expects them
	Patterns     int             `json:"patterns,omitempty"`    // number of patterns in R
	ReferenceR   *metrics.Number `json:"R_reference,omitempty"` // of the reference itself
}

// Run compares a reconstruction with a reference, and with the patterns of Options.Data or, if it contains any, of the reference's file.
func Run(ctx context.Context, o Options, h host.Host) (Report, error) {
	report := Report{Reconstruction: o.Reconstruction, Reference: o.Reference}
	if err := output.Settle(o.Reconstruction, o.Reference); err != nil {
		return report, err
	}
	recon, err := readImage(o.Reconstruction)
	if err != nil {
		return report, err
	}
	reference, err := readImage(o.Reference)
	if err != nil {
		return report, err
	}
	if a, b := recon.PixelSize, reference.PixelSize; a > 0 && b > 0 && math.Abs(a/b-1) > samePixel {
		h.Notice("the object pixels of %s have %.5g m and those of %s %.5g m; pixels are compared one by one", o.Reconstruction, a, o.Reference, b)
	}
	data, err := o.patterns(ctx, h)
	if err != nil {
		return report, err
	}
	if data != nil && data.Object == nil && reference.guess && o.Scan.Changes() && filepath.Clean(data.Source) == filepath.Clean(o.Reference) {
		return report, host.Failf(host.ExitUsage, "evaluate: the object of %s does not belong to the scan as the flags change it; leave the flags out, or give the image with --reference and the scan with --data", o.Reference)
	}
	box := metrics.Extent(recon.Object, recon.Origin).Intersect(metrics.Extent(reference.Object, reference.Origin))
	where := fmt.Sprintf("%s and %s, where both have pixels", o.Reconstruction, o.Reference)
	switch {
	case o.Box != nil:
		box, where = *o.Box, "--box"
	case data != nil:
		box, where = box.Intersect(metrics.PositionsBox(data.Rows, data.Cols)), "the box of the positions of "+data.Source+" in both images"
	}
	report.Report, err = metrics.Evaluate(ctx, recon.Object, recon.Origin, reference.Object, reference.Origin, box,
		metrics.Options{Ramp: o.Ramp, ScaleAmplitude: true, Register: true})
	if ctx.Err() != nil {
		return report, context.Cause(ctx)
	}
	if err != nil {
		return report, host.Failf(host.ExitData, "evaluate: %s: %w", where, err)
	}
	if data == nil || data.Probe == nil {
		return report, nil
	}
	return report, report.addResiduals(ctx, recon, reference, data, o.Threads)
}

// patterns reads the scan. It returns nil where the reference is an image alone.
func (o Options) patterns(ctx context.Context, h host.Host) (*scan.Scan, error) {
	source := dataset.Source{Path: cmp.Or(o.Data, o.Reference), Units: o.Units, Layout: o.Layout, Rows: o.Rows, Scan: o.Scan, HighCompression: o.HighCompression, Unchecked: true}
	if o.Data == "" && acquisition.Kind(o.Reference) == "TIFF" && !o.Scan.Changes() && o.Rows == "" {
		return nil, nil // an image, although a scan may be a TIFF file too
	}
	data, err := source.Read(ctx, h.Notice)
	if err == nil {
		return data, dataset.Check(data)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if o.Data != "" || o.Rows != "" || o.Scan.Changes() || errors.Is(err, npz.ErrRefused) {
		return nil, err
	}
	h.Notice("residual R is not computed, because %s is not a scan: %v", o.Reference, err)
	return nil, nil
}

// samePixel is the relative difference up to which object pixels, which people round, count as the same.
const samePixel = 0.01

// An image is a file's, with the size of its pixels in m, 0 if unknown.
type image struct {
	raster.Stitched
	PixelSize float64
	guess     bool // of a scan
}

func readImage(path string) (image, error) {
	r, err := format.ReadReconstruction(path)
	if err != nil {
		return image{}, err
	}
	object, err := raster.FromComplex64(r.Height, r.Width, r.Object)
	if err != nil {
		return image{}, host.Failf(host.ExitData, "%s: %w", path, err)
	}
	return image{raster.Stitched{Object: object, Origin: r.Origin}, r.PixelSize, r.Guess}, nil
}

// addResiduals computes R of both images.
func (r *Report) addResiduals(ctx context.Context, recon, reference image, data *scan.Scan, threads int) error {
	scorer := NewScorer(data, threads)
	r.Patterns = data.Len()
	of := func(i image) func() (float64, error) {
		return func() (float64, error) { return scorer.Residual(ctx, i.Stitched) }
	}
	fit, err := scorer.Misfits(ctx, recon.Stitched)
	if err != nil {
		return residualError(ctx, err)
	}
	r.Residual, r.Expected = &fit.R, &fit.ExpectedR
	for _, c := range []struct {
		to **metrics.Number
		r  func() (float64, error)
	}{{&r.ReferenceR, of(reference)}, {&r.FlatResidual, func() (float64, error) { return scorer.Flat(ctx) }}} {
		value, err := c.r()
		if err != nil {
			return residualError(ctx, err)
		}
		if n := metrics.Number(value); !math.IsNaN(value) {
			*c.to = &n
		}
	}
	return nil
}

// residualError returns the error of a residual, which is the data's unless ctx has ended.
func residualError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return host.Failf(host.ExitData, "evaluate: %w", err)
}
