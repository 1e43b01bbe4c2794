// Package evaluate compares a reconstruction with a reference: the truth, or another program's image.
package evaluate

import (
	"context"
	"errors"
	"fmt"
	"math"

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
	Reconstruction string       // file with the image
	Reference      string       // file with the truth, or with another program's image
	Rows           string       // patterns of the reference for R and the box; "" is all
	Units          string       // of the reference's patterns
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

// Run compares a reconstruction with a reference, and with the patterns in the reference's file if it contains any.
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
	units, err := format.ParseUnits(o.Units)
	if err != nil {
		return report, err
	}
	data, err := format.ReadScan(ctx, o.Reference, format.ScanOptions{Units: units, Rows: o.Rows, HighCompression: o.HighCompression})
	if err != nil {
		if ctx.Err() != nil {
			return report, context.Cause(ctx)
		}
		if o.Rows != "" || errors.Is(err, npz.ErrRefused) {
			return report, err
		}
		h.Notice("residual R is not computed, because %s is not a scan: %v", o.Reference, err)
		data = nil
	}
	if data != nil {
		if err := dataset.Check(data); err != nil {
			return report, err
		}
	}
	box := metrics.Extent(recon.Object, recon.Origin).Intersect(metrics.Extent(reference.Object, reference.Origin))
	switch {
	case o.Box != nil:
		box = *o.Box
	case data != nil:
		box = box.Intersect(metrics.PositionsBox(data.Rows, data.Cols))
	}
	report.Report, err = metrics.Evaluate(ctx, recon.Object, recon.Origin, reference.Object, reference.Origin, box,
		metrics.Options{Ramp: o.Ramp, ScaleAmplitude: true, Register: true})
	if ctx.Err() != nil {
		return report, context.Cause(ctx)
	}
	if err != nil {
		return report, host.Failf(host.ExitData, "evaluate: %w", err)
	}
	if data == nil || data.Probe == nil {
		return report, nil
	}
	return report, report.addResiduals(ctx, recon, reference, data)
}

func readImage(path string) (raster.Stitched, error) {
	r, err := format.ReadReconstruction(path)
	if err != nil {
		return raster.Stitched{}, err
	}
	object, err := raster.FromComplex64(r.Height, r.Width, r.Object)
	if err != nil {
		return raster.Stitched{}, host.Failf(host.ExitData, "%s: %w", path, err)
	}
	return raster.Stitched{Object: object, Origin: r.Origin}, nil
}

// addResiduals computes R of both images with the patterns of the reference's file.
func (r *Report) addResiduals(ctx context.Context, recon, reference raster.Stitched, data *scan.Scan) error {
	scorer := NewScorer(data, 0)
	r.Patterns = data.Len()
	of := func(image raster.Stitched) func() (float64, error) {
		return func() (float64, error) { return scorer.Residual(ctx, image) }
	}
	fit, err := scorer.Misfits(ctx, recon)
	if err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	r.Residual, r.Expected = &fit.R, &fit.ExpectedR
	for _, c := range []struct {
		to **metrics.Number
		r  func() (float64, error)
	}{{&r.ReferenceR, of(reference)}, {&r.FlatResidual, func() (float64, error) { return scorer.Flat(ctx) }}} {
		value, err := c.r()
		if err != nil {
			return fmt.Errorf("evaluate: %w", err)
		}
		if n := metrics.Number(value); !math.IsNaN(value) {
			*c.to = &n
		}
	}
	return nil
}
