package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/core/stitch"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host/picture"
	"github.com/ptychogo/ptycho/host/rundir"
)

// SolveOptions say which scan is solved, how, and where the result goes.
type SolveOptions struct {
	Data      string
	Rows      string // patterns to use; "" is all
	Units     string
	Layout    string
	OutputDir string
	Overwrite bool
	Halves    bool // solve the even and the odd patterns by themselves as well, and compare
	Preview   int  // write the pictures every so many iterations; 0: at the end alone
	Solve     solve.Options
}

// SolveReport is what an iterative reconstruction ends with.
type SolveReport struct {
	OutputDir  string     `json:"output_dir"`
	Data       string     `json:"data"`
	Engine     string     `json:"engine"`
	Fit        []string   `json:"fit"`
	Patterns   int        `json:"patterns"`
	Iterations int        `json:"iterations"` // done
	Ended      string     `json:"ended"`      // iterations, converged or stopped
	ObjectSize [2]int     `json:"object_size"`
	Origin     [2]float64 `json:"origin"` // row, column

	// Residual is Σ(√λ − √k)²/Σk over all patterns after the last iteration, with everything that is fitted in λ.
	Residual metrics.Number `json:"R"`
	// Plain is R as infer and evaluate give it: without background and intensities, at the positions as fitted.
	Plain        metrics.Number `json:"R_without_background"`
	FlatResidual metrics.Number `json:"R_flat"` // of an empty object
	Deviance     metrics.Number `json:"deviance"`
	Expected     metrics.Number `json:"expected_deviance"`

	// FRC is the mean ring correlation up to half Nyquist in FRCBox, the central 240 pixels, after registration; nil when
	// there is nothing to compare with. FRCOf says with what: "halves", the even and the odd patterns solved by
	// themselves, or "reference", the object in the scan's file.
	FRC    *metrics.Number `json:"frc,omitempty"`
	FRCOf  string          `json:"frc_of,omitempty"`
	FRCBox *metrics.Box    `json:"frc_box,omitempty"`
	Halves *HalvesReport   `json:"halves,omitempty"`

	ModeShares    []float64         `json:"mode_shares"`               // of the probe's power
	Background    float64           `json:"background,omitempty"`      // mean counts per pixel
	LargestMove   float64           `json:"largest_move_px,omitempty"` // of a fitted position
	UpdatesPerSec float64           `json:"frame_updates_per_second"`  // patterns times iterations over their wall time
	Seconds       float64           `json:"seconds"`                   // of everything
	History       []solve.Iteration `json:"history"`
	Notes         []string          `json:"notes,omitempty"`
}

// HalvesReport compares the two half sets.
type HalvesReport struct {
	Residuals [2]metrics.Number `json:"R"`        // of each half over its own patterns
	Raw       metrics.Number    `json:"frc_raw"`  // without registration
	Shift     [2]float64        `json:"shift_px"` // of the even half onto the odd one: rows, columns
}

// Solve reconstructs a scan iteratively and writes the files that Infer writes.
func Solve(ctx context.Context, o SolveOptions, host Host) (SolveReport, error) {
	started := time.Now()
	report := SolveReport{Data: o.Data, Engine: string(o.Solve.Engine), Fit: o.Solve.Fit.Names()}
	data, err := readScan(o.Data, o.Units, o.Layout, o.Rows)
	if err != nil {
		return report, err
	}
	for _, n := range data.Notes {
		host.Notice("%s", n)
	}
	dir, err := rundir.Create(o.OutputDir, o.Overwrite)
	if err != nil {
		return report, fail(ExitUsage, err)
	}
	defer dir.Close()

	o.Solve.Stop = host.Stop
	o.Solve.Progress = iterationProgress(host, "solve", o.Solve.Iterations, data.Len())
	if o.Preview > 0 {
		o.Solve.PreviewEvery, o.Solve.Preview = o.Preview, func(image stitch.Image) error {
			if err := writePictures(dir, image, data.PixelSize); err != nil {
				return err
			}
			return dir.Commit()
		}
	}
	if data, err = withProbe(ctx, data, o.Solve.Threads, host); err != nil {
		return report, err
	}
	began := time.Now()
	result, err := solve.Solve(ctx, data, o.Solve)
	if err != nil {
		return report, solveFailure(o.Data, err)
	}
	report.take(result, data, time.Since(began))
	report.OutputDir = dir.Target()
	if err := report.addPlain(ctx, result, data, o.Solve.Threads); err != nil {
		return report, err
	}
	stopped := result.Ended == "stopped"
	switch {
	case o.Halves && !stopped:
		if err := report.addHalves(ctx, data, o.Solve, host); err != nil {
			return report, err
		}
	case !o.Halves && data.Object != nil:
		report.addReference(result, data)
	}
	report.Seconds = time.Since(started).Seconds()
	if err := writeSolved(dir, result, data, report); err != nil {
		return report, err
	}
	if err := dir.Commit(); err != nil {
		return report, err
	}
	if stopped {
		return report, failf(ExitInterrupted, "solve: stopped after iteration %d of %d; what there is lies in %s", report.Iterations, o.Solve.Iterations, report.OutputDir)
	}
	return report, nil
}

// withProbe is the scan, with a probe estimated from its patterns when its file has none.
func withProbe(ctx context.Context, data *scan.Scan, threads int, host Host) (*scan.Scan, error) {
	if data.Probe != nil {
		return data, nil
	}
	host.Notice("%s has no probe: estimating one from the patterns", data.Source)
	estimate, err := solve.EstimateProbe(ctx, data, solve.ProbeOptions{Threads: threads})
	if err != nil {
		return nil, solveFailure(data.Source, err)
	}
	host.Notice("the estimated probe is %.1f pixels in diameter; R %.5f with it", estimate.Diameter, estimate.R)
	with := *data
	with.Probe, with.Modes = estimate.Probe, 1
	return &with, nil
}

// readScan reads a scan by what the flags say.
func readScan(path, units, layout, rows string) (*scan.Scan, error) {
	u, err := format.ParseUnits(units)
	if err != nil {
		return nil, fail(ExitUsage, err)
	}
	l, err := format.ParseLayout(layout)
	if err != nil {
		return nil, fail(ExitUsage, err)
	}
	s, err := format.ReadScan(path, format.ScanOptions{Units: u, Layout: l, Rows: rows})
	if err != nil {
		return nil, fail(ExitData, err)
	}
	return s, nil
}

// solveFailure gives an error of core/solve its exit code and the file's name.
func solveFailure(path string, err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, solve.ErrDiverged):
		return failf(ExitDiverged, "%s: %w: are positions and probe those of this scan?", path, err)
	}
	return failf(ExitData, "%s: %w", path, err)
}

func iterationProgress(host Host, phase string, iterations, patterns int) func(solve.Iteration) {
	if host.Progress == nil {
		return nil
	}
	return func(it solve.Iteration) {
		host.Progress(Progress{Phase: phase, Epoch: it.Number, Epochs: iterations, Step: it.Number, Steps: iterations, Patterns: patterns, Deviance: it.Deviance,
			Description: fmt.Sprintf("%s: iteration %d/%d, R %.5f, deviance %.4g per pixel", phase, it.Number, iterations, it.R, it.Deviance)})
	}
}

func (r *SolveReport) take(result *solve.Result, data *scan.Scan, took time.Duration) {
	r.Patterns, r.Iterations, r.Ended = data.Len(), len(result.History), result.Ended
	r.ObjectSize, r.Origin = [2]int{result.Object.H, result.Object.W}, result.Origin
	r.Residual, r.Deviance, r.Expected = metrics.Number(result.R), metrics.Number(result.Deviance), metrics.Number(result.Expected)
	r.ModeShares, r.History, r.Notes = result.ModeShares, result.History, result.Notes
	r.UpdatesPerSec = float64(r.Patterns*r.Iterations) / took.Seconds()
	for _, b := range result.Background {
		r.Background += float64(b) / float64(len(result.Background))
	}
	for j := range result.Rows {
		r.LargestMove = max(r.LargestMove, math.Hypot(result.Rows[j]-data.Rows[j], result.Cols[j]-data.Cols[j]))
	}
	if r.LargestMove < 1e-6 { // rounding of the origin
		r.LargestMove = 0
	}
}

// addPlain judges the image as any other program's is judged.
func (r *SolveReport) addPlain(ctx context.Context, result *solve.Result, data *scan.Scan, threads int) error {
	in := patterns(data, probe{Modes: result.Probe, N: data.N, Count: result.Modes, Factor: 1})
	in.Rows, in.Cols = result.Rows, result.Cols
	fit, err := metrics.Residual(ctx, result.Object, result.Origin, in, metrics.FitOptions{Workers: threads})
	if err != nil {
		return fmt.Errorf("solve: %w", err)
	}
	flat, err := metrics.FlatResidual(ctx, in, metrics.FitOptions{Workers: threads})
	if err != nil {
		return fmt.Errorf("solve: %w", err)
	}
	r.Plain, r.FlatResidual = fit.R, flat.R
	return nil
}

// frcSide is the side of the square in which images are compared, pixels.
const frcSide = 240

// centralBox is the square of 240 whole pixels about the middle of the positions, within their box.
func centralBox(rows, cols []float64) metrics.Box {
	b := metrics.PositionsBox(rows, cols)
	y, x := math.Floor((b.Y0+b.Y1+1)/2), math.Floor((b.X0+b.X1+1)/2)
	return b.Intersect(metrics.Box{Y0: y - frcSide/2, Y1: y + frcSide/2 - 1, X0: x - frcSide/2, X1: x + frcSide/2 - 1})
}

// addHalves solves the patterns of even and of odd number by themselves and compares the images.
func (r *SolveReport) addHalves(ctx context.Context, data *scan.Scan, o solve.Options, host Host) error {
	var halves [2]*solve.Result
	o.PreviewEvery, o.Preview = 0, nil
	for h, name := range []string{"even half", "odd half"} {
		var rows []int
		for i := h; i < data.Len(); i += 2 {
			rows = append(rows, i)
		}
		part, err := data.Select(rows)
		if err != nil {
			return fail(ExitData, err)
		}
		o.Progress = iterationProgress(host, name, o.Iterations, part.Len())
		if halves[h], err = solve.Solve(ctx, part, o); err != nil {
			return solveFailure(r.Data+", "+name, err)
		}
		if halves[h].Ended == "stopped" {
			host.Notice("stopped in the %s: there is no FRC", name)
			return nil
		}
	}
	a, b := halves[0], halves[1]
	box := centralBox(data.Rows, data.Cols)
	compared, err := metrics.Evaluate(a.Object, a.Origin, b.Object, b.Origin, box.Intersect(metrics.Extent(a.Object, a.Origin)).Intersect(metrics.Extent(b.Object, b.Origin)),
		metrics.Options{Ramp: true, Register: true})
	if err != nil {
		host.Notice("there is no FRC of the halves: %v", err)
		return nil
	}
	r.FRC, r.FRCOf, r.FRCBox = &compared.Registered.FRC.Mean, "halves", &compared.Box
	r.Halves = &HalvesReport{Residuals: [2]metrics.Number{metrics.Number(a.R), metrics.Number(b.R)}, Raw: compared.Raw.FRC.Mean, Shift: compared.Registered.Shift}
	return nil
}

// addReference compares the image with the object in the scan's file, when the two share a box.
func (r *SolveReport) addReference(result *solve.Result, data *scan.Scan) {
	reference, err := raster.FromComplex64(data.ObjectHeight, data.ObjectWidth, data.Object)
	if err != nil {
		return
	}
	box := centralBox(data.Rows, data.Cols).Intersect(metrics.Extent(result.Object, result.Origin)).Intersect(metrics.Extent(reference, [2]float64{}))
	if box.Empty() {
		return
	}
	compared, err := metrics.Evaluate(result.Object, result.Origin, reference, [2]float64{}, box, metrics.Options{Ramp: true, ScaleAmplitude: true, Register: true})
	if err != nil {
		return
	}
	r.FRC, r.FRCOf, r.FRCBox = &compared.Registered.FRC.Mean, "reference", &compared.Box
}

// solvedImage is the result as a stitched image.
func solvedImage(result *solve.Result) stitch.Image {
	return stitch.Image{Object: result.Object, Coverage: result.Coverage, Origin: result.Origin}
}

func writePictures(dir *rundir.Dir, image stitch.Image, pixelSize float64) error {
	if err := picture.Write(dir.Path(AmplitudeFile), picture.Amplitude, image, pixelSize); err != nil {
		return err
	}
	return picture.Write(dir.Path(PhaseFile), picture.Phase, image, pixelSize)
}

// writeSolved writes the result files; the reconstruction also holds what was fitted besides the object.
func writeSolved(dir *rundir.Dir, result *solve.Result, data *scan.Scan, report SolveReport) error {
	n := data.N
	positions := make([]float64, 0, 2*data.Len())
	for j := range result.Rows {
		positions = append(positions, result.Rows[j], result.Cols[j])
	}
	extra := []format.Named{
		{Name: "probe", Tensor: tensor.Must(result.Probe, result.Modes, n, n)},
		{Name: "positions", Tensor: tensor.Must(positions, data.Len(), 2)},
	}
	if result.Background != nil {
		extra = append(extra, format.Named{Name: "background", Tensor: tensor.Must(result.Background, n, n)})
	}
	if report.hasFit("intensity") {
		extra = append(extra, format.Named{Name: "intensity", Tensor: tensor.Must(result.Intensity, data.Len())})
	}
	image := solvedImage(result)
	err := format.WriteReconstruction(dir.Path(ReconstructionFile), &format.Reconstruction{Object: image.Object.Complex64(), Height: image.Object.H,
		Width: image.Object.W, Coverage: image.Coverage.Float32(), Origin: image.Origin, PixelSize: data.PixelSize}, extra...)
	if err != nil {
		return err
	}
	if err := writePictures(dir, image, data.PixelSize); err != nil {
		return err
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return dir.WriteFile(ReportFile, append(text, '\n'))
}

func (r *SolveReport) hasFit(name string) bool {
	for _, f := range r.Fit {
		if f == name {
			return true
		}
	}
	return false
}
