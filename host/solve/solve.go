// Package solve reconstructs a scan iteratively, without a network, with the engines of core/solve. Package train uses it to
// check a scan, and infer to refine an image.
package solve

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/output"
)

// Options name the scan, the method and the output folder.
type Options struct {
	Data      string
	Rows      string // patterns to use; "" is all
	Draw      int    // number of patterns to draw at random, by the seed of Solve; 0 is all
	Units     string
	Layout    string
	Scan      config.ScanSettings
	OutputDir string
	Overwrite bool
	Halves    bool // also solve the even and the odd patterns separately, and compare
	Preview   int  // iterations between preview pictures; 0: only at the end
	Export    output.Exports
	Solve     iterative.Options
	Auto      bool // choose by held-out patterns what is fitted besides Solve.Fit

	NoHeldOutStop bool // with Auto, do all of Solve.Iterations

	HighCompression bool // read arrays that expand more than 1000 times
	NoGeometry      bool // skip the check that the patterns fit the positions
}

// heldBytes is the size of the counts, as float32, up to which they are held in memory. Larger scans are read from the spool while they
// are solved, with the same result. Tests lower it.
var heldBytes int64 = 256 << 20

// Run reconstructs a scan iteratively and writes the files of a reconstruction.
func Run(ctx context.Context, o Options, h host.Host) (Report, error) {
	started := time.Now()
	report := Report{Data: o.Data, Engine: string(o.Solve.Engine), Fit: o.Solve.Fit.Names(), Exports: o.Export.Files()}
	dir, err := output.Create(output.ImageRequest(o.OutputDir, o.Overwrite, o.Export, h.Notice, output.Input{Name: "--data", Path: o.Data}))
	if err != nil {
		return report, err
	}
	defer dir.Close()
	early, done := h.Prompt(ctx) // before the first iteration there is nothing to save
	defer done()
	spool := dataset.NewSpool(filepath.Dir(o.OutputDir)).Watch(h.Progress)
	defer spool.Remove()
	data, err := report.read(early, &o, spool, h)
	if err != nil {
		return report, err
	}
	defer dataset.Economise(data)()
	if err := o.Export.Check(data); err != nil {
		return report, err
	}
	read := data
	if o.Preview > 0 {
		o.Solve.PreviewEvery, o.Solve.Preview = o.Preview, func(image raster.Stitched) error {
			return dir.PreviewImage(image, data.PixelSize)
		}
	}
	if data, err = report.prepare(early, &o, read, h); err != nil {
		return report, err
	}
	o.Solve.Stop, o.Solve.Misfits = h.Stop, true
	o.Solve.Progress = iterationProgress(h, "solve", o.Solve.Iterations, data.Len())
	began := time.Now()
	solved, err := iterative.Solve(ctx, data, o.Solve)
	if err != nil {
		return report, dataset.Blame(failure(o.Data, err), read)
	}
	report.fill(solved, data, time.Since(began))
	report.end(o)
	report.OutputDir = dir.Target()
	if err := report.addFigures(ctx, solved, data, o, h); err != nil && (ctx.Err() != nil || !h.Stopping()) {
		return report, err
	}
	if err := dataset.Verify(ctx, read); err != nil {
		return report, err
	}
	report.Seconds = time.Since(started).Seconds()
	err = report.write(dir, solved, data, read, o, h)
	return report, err
}

// write adds the findings about the image and writes it. read is the scan before a probe was estimated.
func (r *Report) write(dir *output.Dir, solved *iterative.Result, data, read *scan.Scan, o Options, h host.Host) error {
	stopped, outcome := h.Stopping(), r.outcome(solved, data)
	if stopped {
		r.stop(o.Halves || data.Object != nil)
	} else {
		r.Examination.Conclude(outcome, h.Notice)
	}
	if err := dir.WriteImage(result(solved, read, *r, o)); err != nil {
		return err
	}
	switch {
	case stopped:
		return host.Failf(host.ExitInterrupted, "solve: stopped after iteration %d of %d; the image so far is in %s", r.Iterations, o.Solve.Iterations, r.OutputDir)
	case o.Scan.TrustData:
		return nil
	}
	return r.Examination.Flat(outcome, r.OutputDir)
}

// outcome returns how well the result of a run that was not stopped explains the scan.
func (r *Report) outcome(solved *iterative.Result, data *scan.Scan) dataset.Outcome {
	o := dataset.Outcome{Data: data, Image: Image(solved), R: solved.R, Misfits: solved.Misfits, Fitted: true}
	if r.FlatResidual != nil && r.ExpectedResidual != nil {
		o.Flat, o.Expected = float64(*r.FlatResidual), float64(*r.ExpectedResidual)
	}
	return o
}

// read reads, examines and repairs the scan. It adds a factor for each frame to the fit where the exposure changes.
func (r *Report) read(ctx context.Context, o *Options, spool *dataset.Spool, h host.Host) (*scan.Scan, error) {
	data, err := dataset.Source{Path: o.Data, Units: o.Units, Layout: o.Layout, Rows: o.Rows, Draw: o.Draw, Seed: int64(o.Solve.Seed), Scan: o.Scan, HighCompression: o.HighCompression, Unchecked: true, Hold: heldBytes, Spool: spool}.Read(ctx, h.Notice)
	if err != nil {
		return nil, err
	}
	if data, r.Examination, err = dataset.Examine(ctx, data, dataset.Examination{Examination: o.Scan.Examination, Fits: true, Fitted: o.Solve.Fit.Intensity, Create: spool.Create}, h.Notice); err != nil {
		return nil, err
	}
	if r.Examination != nil && r.Examination.Exposure {
		o.Solve.Fit.Intensity, o.Solve.ExposureChanges = true, true
		r.Fit = o.Solve.Fit.Names()
	}
	return data, nil
}

// prepare returns the scan with a probe, checks the positions, and chooses what is fitted if that is wanted.
func (r *Report) prepare(ctx context.Context, o *Options, read *scan.Scan, h host.Host) (*scan.Scan, error) {
	o.Solve.ProbeEstimated = read.Probe == nil
	data, err := WithProbe(ctx, read, o.Solve.Threads, h.Notice)
	if err != nil {
		return nil, err
	}
	switch {
	case o.NoGeometry:
	case o.Solve.ExposureChanges: // the predictions of the survey have one exposure
		h.Notice("patterns and positions are not compared, because the exposure changes")
	default:
		survey := Survey{Threads: o.Solve.Threads, TrustData: o.Scan.TrustData, Examined: r.Examination, Notice: h.Notice}
		if err := survey.Positions(ctx, data, read); err != nil {
			return nil, err
		}
	}
	if o.Auto {
		if err := r.choose(ctx, o, data, h); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// addFigures computes the values of the report that do not come from the engine. A stop ends it with an error; the report
// then holds the values computed so far.
func (r *Report) addFigures(ctx context.Context, solved *iterative.Result, data *scan.Scan, o Options, h host.Host) error {
	ctx, done := h.UntilStop(ctx)
	defer done()
	if err := r.addPlain(ctx, solved, data, o.Solve.Threads); err != nil {
		return err
	}
	switch {
	case o.Halves:
		return r.addHalves(ctx, data, o.Solve, h)
	case data.Object != nil:
		return r.addReference(ctx, solved, data)
	}
	return nil
}

// failure adds an exit code and the file's name to an error of core/solve.
func failure(path string, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.As(err, new(*scan.SpoolError)), errors.As(err, new(*scan.SourceError)):
		return err
	case errors.Is(err, iterative.ErrDiverged):
		return host.Failf(host.ExitDiverged, "%s: %w: check that positions and probe belong to this scan", path, err)
	}
	return host.Failf(host.ExitData, "%s: %w", path, err)
}

func iterationProgress(h host.Host, phase string, iterations, patterns int) func(iterative.Iteration) {
	if h.Progress == nil {
		return nil
	}
	return func(it iterative.Iteration) {
		h.Progress(host.Progress{Phase: phase, Step: it.Number, Steps: iterations, Patterns: patterns, Deviance: it.Deviance,
			Description: fmt.Sprintf("%s: iteration %d of %d, residual R %.5f, deviance %.4g per pixel", phase, it.Number, iterations, it.R, it.Deviance)})
	}
}

// Image returns the result as a stitched image.
func Image(solved *iterative.Result) raster.Stitched {
	return raster.Stitched{Object: solved.Object, Coverage: solved.Coverage, Origin: solved.Origin}
}
