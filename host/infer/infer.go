// Package infer reconstructs a scan with a trained model: it runs the network over the patterns and stitches the patches.
package infer

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/scan"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/evaluate"
	"github.com/ptychogo/ptycho/host/model"
	"github.com/ptychogo/ptycho/host/output"
	"github.com/ptychogo/ptycho/host/solve"
	"github.com/ptychogo/ptycho/internal/words"
)

// Report is the report of a reconstruction.
type Report struct {
	OutputDir    string         `json:"output_dir"`
	Model        string         `json:"model"`
	Data         string         `json:"data"`
	Patterns     int            `json:"patterns"`
	ObjectSize   [2]int         `json:"object_size"`         // rows, columns
	Origin       [2]float64     `json:"origin"`              // row, column
	Residual     metrics.Number `json:"R"`                   // of the stitched image over all patterns, see metrics.Residual
	FlatResidual metrics.Number `json:"R_flat"`              // of an empty object
	Expected     metrics.Number `json:"R_expected"`          // of Poisson counts as the result expects them: what photon noise leaves
	Synchronised bool           `json:"phases_synchronised"` // before stitching
	// OtherResidual is R of the alternative image, without or with synchronised phases; nil if there is only one image.
	OtherResidual *metrics.Number  `json:"R_other_way,omitempty"`
	FirstPass     *metrics.Number  `json:"R_first_pass,omitempty"` // R of the image of the first network, if the model has two
	Refined       int              `json:"refined"`                // iterations
	Unrefined     *metrics.Number  `json:"R_unrefined,omitempty"`  // R before the refinement; R then includes the fitted probe and background
	Gauge         *iterative.Gauge `json:"probe_gauge,omitempty"`  // how the phase ramp of the refined probe was fixed
	// Examination holds the findings and the repairs of the scan; nil with --examine off.
	Examination       *dataset.Examined   `json:"examination,omitempty"`
	Calibration       *bundle.Calibration `json:"calibration,omitempty"` // what was fitted first
	PatternsPerSecond float64             `json:"patterns_per_second"`
	Seconds           float64             `json:"seconds"`
	Exports           []string            `json:"exports,omitempty"` // files for other programs
}

// settings returns the settings of a run with the path of its output folder, whose disk temporary files may use.
func settings(cfg *config.Inference) config.InferenceSettings {
	s := cfg.Settings()
	s.OutputDir = cfg.Execution().Output(s.OutputDir)
	return s
}

// request returns the request for the folder of the image.
func request(cfg *config.Inference, h host.Host) output.Request {
	s := settings(cfg)
	inputs := append(output.SettingsFiles(cfg.Values()), output.Input{Name: "--test-data", Path: s.TestData})
	for _, name := range append(model.FirstPassFiles(), bundle.ManifestFile, bundle.WeightsFile) {
		inputs = append(inputs, output.Input{Name: "--model-path", Path: filepath.Join(s.ModelPath, name)})
	}
	return output.ImageRequest(s.OutputDir, cfg.Execution().Overwrite, exports(s), h.Notice, inputs...)
}

// Run reconstructs a scan with a trained model and writes the image.
func Run(ctx context.Context, cfg *config.Inference, h host.Host) (Report, error) {
	started := time.Now()
	s, x := settings(cfg), cfg.Execution()
	report := Report{Model: s.ModelPath, Data: s.TestData, Exports: exports(s).Files()}
	dir, err := output.Create(request(cfg, h))
	if err != nil {
		return report, err
	}
	defer dir.Close()
	spool := newSpool(s).Watch(h.Progress)
	defer spool.Remove()
	m, data, found, err := readInputs(ctx, cfg, h, spool)
	if err != nil {
		return report, err
	}
	defer dataset.Economise(data)()
	report.Examination = found
	if data, err = report.prepare(ctx, cfg, h, m, data, spool); err != nil {
		return report, err
	}
	began := time.Now()
	predicted, err := predict(ctx, h, m, data, spool, s, x)
	if err != nil {
		return report, dataset.Blame(err, data)
	}
	defer predicted.Close()
	report.PatternsPerSecond = float64(data.Len()) / time.Since(began).Seconds()
	lit := m.Illuminate(data)
	scorer := evaluate.NewScorer(lit, x.Threads)
	stitched, err := predicted.StitchUntilStop(ctx, h, scorer.Residual)
	if err != nil {
		return report, dataset.Blame(fmt.Errorf("infer: %w", err), data)
	}
	report.fill(stitched, predicted.first)
	if report.Synchronised {
		h.Notice("phases synchronised: residual R %.5f (without synchronisation %.5f)", stitched.R, stitched.Other)
	}
	done, err := report.finish(ctx, h, m, lit, stitched, scorer, s, x)
	if err != nil {
		return report, err
	}
	if err := dataset.Verify(ctx, data); err != nil {
		return report, err
	}
	report.OutputDir, report.Patterns, report.Origin = dir.Target(), data.Len(), done.Image.Origin
	report.ObjectSize = [2]int{done.Image.Object.H, done.Image.Object.W}
	report.Examination.Conclude(done.Outcome, h.Notice)
	report.Seconds = time.Since(started).Seconds()
	if err := dir.WriteImage(output.Result{Image: done.Image, Command: "infer", Data: data, Scan: done.lit, Losses: done.losses, Misfits: done.Misfits, Settings: settingsOf(cfg), Report: report, Exports: exports(s)}); err != nil || cfg.Scan().TrustData {
		return report, err
	}
	return report, report.Examination.Flat(done.Outcome, report.OutputDir)
}

// finished is the image of a run.
type finished struct {
	dataset.Outcome
	lit    *scan.Scan // with the probe and the positions of the image
	losses []float64  // of the iterations that refined it
}

// finish refines the image, if requested, and computes the other figures of the report.
func (r *Report) finish(ctx context.Context, h host.Host, m *model.Model, lit *scan.Scan, of stitched, scorer evaluate.Scorer, s config.InferenceSettings, x config.Execution) (finished, error) {
	out := finished{Outcome: dataset.Outcome{Data: lit, Image: of.Stitched}, lit: lit}
	if s.Refine > 0 {
		refined, err := solve.Refine(ctx, h, of.Stitched, lit, m.Background, s.Refine, x.Threads, s.RefineLowFrequency)
		if err != nil {
			return out, err
		}
		before := r.Residual
		out.lit, out.losses = solve.With(lit, refined), solve.Losses(refined)
		out.Image, r.Unrefined, r.Residual, r.Refined = solve.Image(refined), &before, metrics.Number(refined.R), len(refined.History)
		out.Misfits = refined.Misfits
		h.Notice("refined by %s: residual R %.5f (before %.5f)", words.Of(r.Refined, "iteration"), refined.R, of.R)
		r.noteGauge(refined.Gauge, h.Notice)
	} else {
		fit, err := scorer.Misfits(ctx, of.Stitched)
		if err != nil {
			return out, fmt.Errorf("infer: %w", err)
		}
		out.Misfits = fit.Misfits
	}
	flat, err := scorer.Flat(ctx)
	if err != nil {
		return out, fmt.Errorf("infer: %w", err)
	}
	out.R, out.Flat = float64(r.Residual), flat
	if ratio := out.Misfits.Totals().Ratio(); ratio > 0 {
		out.Expected = out.R / ratio
	}
	r.FlatResidual, r.Expected = metrics.Number(flat), metrics.Number(out.Expected)
	return out, nil
}

// prepare checks the positions and fits the quantities of --calibrate, with the probe of the model.
func (r *Report) prepare(ctx context.Context, cfg *config.Inference, h host.Host, m *model.Model, data *scan.Scan, spool *dataset.Spool) (*scan.Scan, error) {
	s, x, lit := cfg.Settings(), cfg.Execution(), m.Illuminate(data)
	survey := solve.Survey{Threads: x.Threads, TrustData: cfg.Scan().TrustData, Examined: r.Examination, Notice: h.Notice}
	if err := survey.Positions(ctx, lit, lit); err != nil {
		return nil, err
	}
	c, err := solve.Calibration{What: s.Calibrate, Try: []string{"positions", "intensity"}, Threads: x.Threads, Create: spool.Create}.Run(ctx, lit, h)
	if err != nil {
		return nil, err
	}
	if len(c.Fit) > 0 {
		r.Calibration = &c.Calibration
	}
	fitted := *c.Scan
	fitted.Probe, fitted.Modes = data.Probe, data.Modes
	return &fitted, nil
}

// exports returns the forms for other programs, whose names the setting's table has checked.
func exports(s config.InferenceSettings) output.Exports {
	e, err := output.ParseExports(s.Export)
	if err != nil {
		return nil
	}
	return e
}

// settingsOf returns the settings of a run by their keys.
func settingsOf(cfg *config.Inference) map[string]string {
	out := map[string]string{}
	for _, v := range cfg.Values() {
		out[v.Setting.Key()] = v.Text
	}
	return out
}

// noteGauge adds how the phase ramp was fixed, and reports an arbitrary one.
func (r *Report) noteGauge(g *iterative.Gauge, notice func(string, ...any)) {
	if r.Gauge = g; g != nil && g.By == iterative.GaugeFree {
		notice("%v", g)
	}
}

func (r *Report) fill(s stitched, first *FirstPass) {
	if first != nil {
		residual := metrics.Number(first.Residual)
		r.FirstPass = &residual
	}
	r.Residual, r.Synchronised = metrics.Number(s.R), s.Synchronised
	if !math.IsNaN(s.Other) {
		other := metrics.Number(s.Other)
		r.OtherResidual = &other
	}
}
