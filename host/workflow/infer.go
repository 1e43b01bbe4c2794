package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/stitch"
	"github.com/ptychogo/ptycho/host/picture"
	"github.com/ptychogo/ptycho/host/rundir"
)

// The files that infer writes.
const (
	ReconstructionFile = "reconstruction.npz"
	AmplitudeFile      = "amplitude.png"
	PhaseFile          = "phase.png"
)

// InferReport is what a reconstruction ends with.
type InferReport struct {
	OutputDir    string         `json:"output_dir"`
	Model        string         `json:"model"`
	Data         string         `json:"data"`
	Patterns     int            `json:"patterns"`
	ObjectSize   [2]int         `json:"object_size"`         // rows, columns
	Origin       [2]float64     `json:"origin"`              // row, column
	Residual     metrics.Number `json:"R"`                   // of the stitched image over all patterns, see metrics.Residual
	FlatResidual metrics.Number `json:"R_flat"`              // of an empty object
	Synchronised bool           `json:"phases_synchronised"` // before stitching
	// OtherResidual is R of the image made the other way, with phases synchronised or without; nil if it was not made.
	OtherResidual     *metrics.Number `json:"R_other_way,omitempty"`
	Refined           int             `json:"refined"`               // iterations
	Unrefined         *metrics.Number `json:"R_unrefined,omitempty"` // of the stitched image before them; R then counts the probe and background that they fitted
	PatternsPerSecond float64         `json:"patterns_per_second"`
	Seconds           float64         `json:"seconds"`
}

// Infer reconstructs a scan with a trained model.
func Infer(ctx context.Context, cfg *config.Inference, host Host) (InferReport, error) {
	started := time.Now()
	s, x := cfg.Settings(), cfg.Execution()
	report := InferReport{Model: s.ModelPath, Data: s.TestData}
	model, err := bundle.Read(s.ModelPath)
	if err != nil {
		return report, fail(ExitData, err)
	}
	data, err := readTest(cfg, model, host)
	if err != nil {
		return report, err
	}
	dir, err := rundir.Create(x.Output(s.OutputDir), x.Overwrite)
	if err != nil {
		return report, fail(ExitUsage, err)
	}
	defer dir.Close()

	pr := probe{Modes: model.Probe, N: model.N, Count: model.Modes, Factor: model.ProbeFactor}
	began := time.Now()
	predicted, err := predict(ctx, host, model, data, pr, s, x)
	if err != nil {
		return report, err
	}
	defer predicted.close()
	report.PatternsPerSecond = float64(data.Len()) / time.Since(began).Seconds()
	residual := func(image stitch.Image) (metrics.Number, error) {
		fit, err := metrics.Residual(ctx, image.Object, image.Origin, patterns(data, pr), metrics.FitOptions{Workers: x.Threads})
		return fit.R, err
	}
	image, err := predicted.image(ctx, residual, &report)
	if err != nil {
		return report, fmt.Errorf("infer: %w", err)
	}
	if report.Synchronised {
		host.Notice("phases synchronised: R %.5f, without %.5f", float64(report.Residual), float64(*report.OtherResidual))
	}
	if s.Refine > 0 {
		result, err := refine(ctx, host, image, data, pr, model.Background, s.Refine, x.Threads)
		if err != nil {
			return report, err
		}
		before := report.Residual
		image, report.Unrefined, report.Residual, report.Refined = solvedImage(result), &before, metrics.Number(result.R), len(result.History)
		host.Notice("refined by %d iterations: R %.5f, before %.5f", report.Refined, result.R, float64(before))
	}
	report.OutputDir, report.Patterns, report.Origin = dir.Target(), data.Len(), image.Origin
	report.ObjectSize = [2]int{image.Object.H, image.Object.W}
	flat, err := metrics.FlatResidual(ctx, patterns(data, pr), metrics.FitOptions{Workers: x.Threads})
	if err != nil {
		return report, fmt.Errorf("infer: %w", err)
	}
	report.FlatResidual = flat.R
	report.Seconds = time.Since(started).Seconds()
	if err := writeReconstruction(dir, image, data.PixelSize, report); err != nil {
		return report, err
	}
	return report, dir.Commit()
}

// readTest reads the scan that a model is to reconstruct.
func readTest(cfg *config.Inference, model *bundle.Model, host Host) (*scan.Scan, error) {
	s := cfg.Settings()
	units, err := format.ParseUnits(s.DiffractionUnits)
	if err != nil {
		return nil, fail(ExitUsage, err)
	}
	layout, err := format.ParseLayout(s.DiffractionLayout)
	if err != nil {
		return nil, fail(ExitUsage, err)
	}
	data, err := format.ReadScan(s.TestData, format.ScanOptions{Units: units, Layout: layout, Rows: s.Rows, Sample: s.NImages, Photons: s.NPhotons})
	if err != nil {
		return nil, fail(ExitData, err)
	}
	for _, n := range data.Notes {
		host.Notice("%s", n)
	}
	if data.N != model.N {
		return nil, failf(ExitData, "%s has patterns of %d×%d pixels, the model %s was trained on %d×%d", s.TestData, data.N, data.N, s.ModelPath, model.N, model.N)
	}
	return data, nil
}

// predict runs the network over all patterns.
func predict(ctx context.Context, host Host, model *bundle.Model, data *scan.Scan, pr probe, s config.InferenceSettings, x config.Execution) (_ *prediction, err error) {
	var ac arch.Config
	if err := json.Unmarshal(model.Settings, &ac); err != nil {
		return nil, failf(ExitData, "%s: the manifest's settings are no architecture: %w", s.ModelPath, err)
	}
	ac.Supervised = false // labels are of no use here; the weights do not know of them
	if !arch.SeesGroups(ac.Arch) {
		ac.Gridsize = 1 // every pattern goes through the network alone; the weights do not know of groups
	}
	p, err := arch.Build(ac)
	if err != nil {
		return nil, failf(ExitData, "%s: %w", s.ModelPath, err)
	}
	spool, err := spoolDir(int64(len(data.Counts)) * bytesPerCount)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(spool)
	dataset, err := spoolDataset(spool, "patterns", data, pr, uniform(data.N, model.Background))
	if err != nil {
		return nil, err
	}
	weight := make([]float32, data.N*data.N)
	for i, v := range pr.intensity() {
		weight[i] = 1
		if s.PatchWeighting == "probe" {
			weight[i] = float32(v)
		}
	}
	engine, session, err := host.open(ctx, host.openOptions(x, p, false), weightState(model.Weights, model.Buffers))
	if err != nil {
		return nil, err
	}
	defer engine.Stop(context.WithoutCancel(ctx)) //nolint:errcheck // results are in hand; the process is killed if it must be
	defer session.Close()
	id, err := session.Bind(ctx, dataset)
	if err != nil {
		return nil, err
	}
	batches, err := inferenceBatches(p, data, s.InferenceBatchSize)
	if err != nil {
		return nil, failf(ExitData, "%s: %w", s.TestData, err)
	}
	done := 0
	out, err := newPrediction(data, weight, s, host.Notice)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			out.close()
		}
	}()
	err = session.Reconstruct(ctx, backend.ReconPlan{Dataset: id, Batches: batches}, func(r backend.Patches) error {
		b := batches[r.Batch]
		err := eachPatch(r, len(weight), func(i int, patch []complex64) error {
			if b.Weights[i] == 0 {
				return nil
			}
			return out.add(int(b.Rows[i]), patch)
		})
		done += len(b.Rows)
		if host.Progress != nil {
			host.Progress(Progress{Phase: "infer", Epoch: 1, Epochs: 1, Step: r.Batch + 1, Steps: len(batches), Patterns: len(b.Rows)})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if host.stopping() {
		err = failf(ExitInterrupted, "infer: stopped after %d of %d patterns; nothing was written", done, data.Len())
		return nil, err
	}
	return out, nil
}

// inferenceBatches puts every pattern into the batches once. Groups of an architecture that needs them are a pattern
// with its nearest neighbours; only the first of each is stitched.
func inferenceBatches(p *program.Program, data *scan.Scan, patterns int) ([]backend.Batch, error) {
	rows := make([]int, data.Len())
	for i := range rows {
		rows[i] = i
	}
	if p.Group == 1 {
		return groupsOf(rows, data.Rows, data.Cols, 1, max(patterns, 1)), nil
	}
	side := 1
	for side*side < p.Group {
		side++
	}
	g, err := scan.NewGrouper(data.Rows, data.Cols, scan.Grouping{Gridsize: side, Batch: max(patterns/p.Group, 1) * p.Group})
	if err != nil {
		return nil, err
	}
	var out []backend.Batch
	for _, b := range g.Nearest() {
		batch := backend.Batch{Rows: b.Rows, Offsets: b.Offsets, Weights: make([]float32, len(b.Rows))}
		for i := 0; i < len(b.Rows); i += p.Group {
			batch.Weights[i] = 1
		}
		out = append(out, batch)
	}
	return out, nil
}

// patterns are the scan's for metrics.Residual.
func patterns(data *scan.Scan, pr probe) metrics.Patterns {
	p := metrics.Patterns{N: data.N, Rows: data.Rows, Cols: data.Cols, Counts: metrics.CountsIn(data.Counts, data.N, nil)}
	for m := range pr.Count {
		mode := make([]complex128, data.N*data.N)
		for i := range mode {
			mode[i] = complex128(pr.Modes[m*len(mode)+i])
		}
		p.Probe = append(p.Probe, mode)
	}
	if data.Mask != nil {
		p.Mask = make([]bool, len(data.Mask))
		for i, m := range data.Mask {
			p.Mask[i] = m != 0
		}
	}
	return p
}

// writeReconstruction writes the result files.
func writeReconstruction(dir *rundir.Dir, image stitch.Image, pixelSize float64, report InferReport) error {
	r := &format.Reconstruction{Object: image.Object.Complex64(), Height: image.Object.H, Width: image.Object.W,
		Coverage: image.Coverage.Float32(), Origin: image.Origin, PixelSize: pixelSize}
	if err := format.WriteReconstruction(dir.Path(ReconstructionFile), r); err != nil {
		return err
	}
	if err := picture.Write(dir.Path(AmplitudeFile), picture.Amplitude, image, pixelSize); err != nil {
		return err
	}
	if err := picture.Write(dir.Path(PhaseFile), picture.Phase, image, pixelSize); err != nil {
		return err
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return dir.WriteFile(ReportFile, append(text, '\n'))
}
