package workflow

import (
	"context"
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
)

// EvaluateOptions says what is compared with what.
type EvaluateOptions struct {
	Reconstruction string       // file with the image
	Reference      string       // file with the truth, or with another program's image
	Rows           string       // of the reference's scan that R and the box are about; "" is all
	Units          string       // of the reference's patterns
	Box            *metrics.Box // rows and columns to compare; nil: the box of the scan positions
	Ramp           bool         // remove a linear phase ramp
}

// EvaluateReport is the figures of a reconstruction.
type EvaluateReport struct {
	Reconstruction string `json:"reconstruction"`
	Reference      string `json:"reference"`
	metrics.Report
	Residual     *metrics.Number `json:"R,omitempty"`           // of the reconstruction over the reference's patterns
	FlatResidual *metrics.Number `json:"R_flat,omitempty"`      // of an empty object
	Patterns     int             `json:"patterns,omitempty"`    // that R is over
	ReferenceR   *metrics.Number `json:"R_reference,omitempty"` // of the reference itself
}

// Evaluate compares a reconstruction with a reference, and with the patterns when the reference's file holds them.
func Evaluate(ctx context.Context, o EvaluateOptions, host Host) (EvaluateReport, error) {
	report := EvaluateReport{Reconstruction: o.Reconstruction, Reference: o.Reference}
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
		return report, fail(ExitUsage, err)
	}
	data, err := format.ReadScan(o.Reference, format.ScanOptions{Units: units, Rows: o.Rows})
	if err != nil {
		if o.Rows != "" {
			return report, fail(ExitData, err)
		}
		host.Notice("%s holds no scan, so there is no R: %v", o.Reference, err)
		data = nil
	}
	box := metrics.Extent(recon.image, recon.origin).Intersect(metrics.Extent(reference.image, reference.origin))
	switch {
	case o.Box != nil:
		box = *o.Box
	case data != nil:
		box = box.Intersect(metrics.PositionsBox(data.Rows, data.Cols))
	}
	report.Report, err = metrics.Evaluate(recon.image, recon.origin, reference.image, reference.origin, box,
		metrics.Options{Ramp: o.Ramp, ScaleAmplitude: true, Register: true})
	if err != nil {
		return report, failf(ExitData, "evaluate: %w", err)
	}
	if data == nil || data.Probe == nil {
		return report, nil
	}
	return report, report.addResiduals(ctx, recon, reference, data)
}

type namedImage struct {
	image  raster.Complex
	origin [2]float64
}

func readImage(path string) (namedImage, error) {
	r, err := format.ReadReconstruction(path)
	if err != nil {
		return namedImage{}, fail(ExitData, err)
	}
	image, err := raster.FromComplex64(r.Height, r.Width, r.Object)
	if err != nil {
		return namedImage{}, failf(ExitData, "%s: %w", path, err)
	}
	return namedImage{image, r.Origin}, nil
}

func (r *EvaluateReport) addResiduals(ctx context.Context, recon, reference namedImage, data *scan.Scan) error {
	// R does not depend on the scale of the probe.
	in := patterns(data, probe{Modes: data.Probe, N: data.N, Count: data.Modes, Factor: 1})
	r.Patterns = data.Len()
	for _, c := range []struct {
		to  **metrics.Number
		fit func() (metrics.Fit, error)
	}{
		{&r.Residual, func() (metrics.Fit, error) {
			return metrics.Residual(ctx, recon.image, recon.origin, in, metrics.FitOptions{})
		}},
		{&r.ReferenceR, func() (metrics.Fit, error) {
			return metrics.Residual(ctx, reference.image, reference.origin, in, metrics.FitOptions{})
		}},
		{&r.FlatResidual, func() (metrics.Fit, error) { return metrics.FlatResidual(ctx, in, metrics.FitOptions{}) }},
	} {
		fit, err := c.fit()
		if err != nil {
			return fmt.Errorf("evaluate: %w", err)
		}
		if !math.IsNaN(float64(fit.R)) {
			*c.to = &fit.R
		}
	}
	return nil
}
