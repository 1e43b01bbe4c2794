package infer

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/internal/disk"
)

// clearlyBetter is the share of R by which synchronised phases must improve the fit. Where the patches already agree the
// difference is noise, and synchronisation can only add a drift.
const clearlyBetter = 0.01

// oneImage is the number of pixels, with 24 bytes each, from which the images with and without synchronised phases are not in memory at
// the same time: if the latter is kept, its patches are stitched again. Tests lower it.
var oneImage = 1 << 24

// prediction holds the patches of a scan: stitched on arrival, and kept in a file if their phases may be synchronised later.
type prediction struct {
	data   *scan.Scan
	weight []float32 // [N·N]
	canvas *raster.Stitcher
	make   func() (*raster.Stitcher, error)
	file   *dataset.PatchFile // nil where no file is needed
	how    string             // "auto", "on" or "off"
	notice func(format string, args ...any)
	report func(host.Progress) // nil: not called
	first  *FirstPass          // whose image was corrected; nil: none
}

func newPrediction(data *scan.Scan, weight []float32, s config.InferenceSettings, notice func(string, ...any)) (p *prediction, err error) {
	options := raster.StitchOptions{Trim: s.MiddleTrim}
	if !s.PadEval {
		options.CropBelow = 0.1 // a tenth of one probe's peak intensity
	}
	p = &prediction{data: data, weight: weight, how: s.SynchronisePhases, notice: notice}
	p.make = func() (*raster.Stitcher, error) { return raster.NewStitcher(data.Rows, data.Cols, data.N, options) }
	if p.canvas, err = p.make(); err != nil {
		return nil, host.Failf(host.ExitData, "%s: %w", s.TestData, err)
	}
	if p.how == "off" {
		return p, nil
	}
	file, err := disk.NewTemporaryFile(dataset.PatchBytes(data.Len(), data.N), filepath.Dir(s.OutputDir))
	if err == nil {
		p.file = dataset.NewPatchFile(file, data.N)
	}
	if err = p.without(err); err != nil {
		return nil, err
	}
	return p, nil
}

// without turns the synchronisation of phases off after an error, unless --synchronise-phases is on. Stitching without
// synchronisation needs no file.
func (p *prediction) without(err error) error {
	if err == nil {
		return nil
	}
	if !strings.Contains(err.Error(), "TMPDIR") { // a file that cannot be created says so itself
		err = fmt.Errorf("%w; set TMPDIR to a folder with enough space", err)
	}
	if p.how == "on" {
		return fmt.Errorf("infer: --synchronise-phases on cannot store the patches: %w, or omit the flag", err)
	}
	p.notice("the patches' phases are not synchronised: %v", err)
	p.Close()
	p.how = "off"
	return nil
}

// Close removes the file of the patches.
func (p *prediction) Close() {
	if p.file != nil {
		_ = p.file.Close() // the next start removes a file that could not be removed
	}
	p.file = nil
}

// add stitches the patch [N·N] of pattern j.
func (p *prediction) add(j int, patch []complex64) error {
	if p.file != nil {
		if err := p.without(p.file.Put(j, patch)); err != nil {
			return err
		}
	}
	return p.canvas.Add(patch, p.weight, p.data.Rows[j], p.data.Cols[j])
}

// patch reads the patch of pattern j.
func (p *prediction) patch(j int, dst []complex64) error {
	if err := p.file.Get(j, dst); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

// synchronised stitches the patches after bringing them to a common phase.
func (p *prediction) synchronised(ctx context.Context) (raster.Stitched, error) {
	var none raster.Stitched
	factors, err := raster.Synchronise(ctx, p.data.Rows, p.data.Cols, p.data.N, p.weight, p.patch, raster.SyncOptions{Progress: p.progress("synchronise", "compare the phases of patches")})
	if err != nil {
		return none, err
	}
	return p.stitched(ctx, factors)
}

// stitched stitches the patches, each times its factor.
func (p *prediction) stitched(ctx context.Context, factors []complex128) (raster.Stitched, error) {
	var none raster.Stitched
	canvas, err := p.make()
	if err != nil {
		return none, err
	}
	patch, done := make([]complex64, len(p.weight)), p.progress("stitch", "stitch patches of one phase")
	for j, f := range factors {
		if err := ctx.Err(); err != nil {
			return none, err
		}
		if err := p.patch(j, patch); err != nil {
			return none, err
		}
		for i, v := range patch {
			patch[i] = complex64(f) * v
		}
		if err := canvas.Add(patch, p.weight, p.data.Rows[j], p.data.Cols[j]); err != nil {
			return none, err
		}
		done(j + 1)
	}
	return canvas.Finish()
}

// progress returns a function that reports the number of patches that a phase of the work has dealt with.
func (p *prediction) progress(phase, what string) func(patches int) {
	return func(patches int) {
		if p.report != nil {
			p.report(host.Progress{Phase: phase, Step: patches, Steps: p.data.Len(), Patterns: 1, Description: fmt.Sprintf("%s: %d of %d", what, patches, p.data.Len())})
		}
	}
}

// stitched is an image with its residual. R needs no truth, so it can decide between images.
type stitched struct {
	raster.Stitched
	R            float64
	Synchronised bool    // whether the phases were synchronised before stitching
	Other        float64 // R of the alternative image; NaN if there is only one
}

// StitchUntilStop is Stitch for a run that may be asked to stop. With many patterns stitching takes minutes.
func (p *prediction) StitchUntilStop(ctx context.Context, h host.Host, residual func(context.Context, raster.Stitched) (float64, error)) (stitched, error) {
	work, done := h.UntilStop(ctx)
	defer done()
	image, err := p.Stitch(work, residual)
	if err != nil && ctx.Err() == nil && h.Stopping() {
		err = host.Failf(host.ExitInterrupted, "infer: stopped while the patches were stitched; nothing was written")
	}
	return image, err
}

// Stitch returns the image: without synchronised phases ("off"), with synchronised phases ("on"), or the one of the two that
// fits the measured patterns better by its residual R ("auto").
func (p *prediction) Stitch(ctx context.Context, residual func(context.Context, raster.Stitched) (float64, error)) (stitched, error) {
	image, err := p.canvas.Finish()
	p.canvas = nil // as large as the image, which may not be used
	plain := stitched{Stitched: image, Other: math.NaN()}
	if err != nil {
		return plain, err
	}
	if plain.R, err = residual(ctx, image); err != nil || p.how == "off" || p.data.Len() == 1 {
		return plain, err
	}
	again := func() error { return nil } // puts the image back into plain
	if len(image.Object.Data) > oneImage {
		image, plain.Stitched = raster.Stitched{}, raster.Stitched{}
		again = func() (err error) {
			plain.Stitched, err = p.stitched(ctx, slices.Repeat([]complex128{1}, p.data.Len()))
			return err
		}
	}
	image, err = p.synchronised(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return plain, err
	case err != nil:
		if err := again(); err != nil {
			return plain, err
		}
		return plain, p.without(err)
	}
	other := stitched{Stitched: image, Synchronised: true, Other: plain.R}
	if other.R, err = residual(ctx, image); err != nil {
		return plain, err
	}
	if p.how == "on" || other.R < plain.R*(1-clearlyBetter) {
		return other, nil
	}
	plain.Other = other.R
	return plain, again()
}
