package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/evaluate"
	"github.com/ptychogo/ptycho/host/infer"
	"github.com/ptychogo/ptycho/host/model"
	"github.com/ptychogo/ptycho/host/output"
	"github.com/ptychogo/ptycho/host/train"
	"github.com/ptychogo/ptycho/internal/words"
)

// demoScan is small enough to train in two minutes on two cores and large enough to learn from.
var demoScan = simulate.Options{Seed: 1, Object: simulate.Lines, Probe: simulate.Disk, N: 64, Height: 256, Patterns: 1024, Photons: 1e6}

// demoReport is the report of demo.
type demoReport struct {
	Train    train.Report    `json:"train"`
	Infer    infer.Report    `json:"infer"`
	Evaluate evaluate.Report `json:"evaluate"`
}

func runDemo(c *cli.Context) error {
	p := pathsOf(c.String("output-dir"))
	meter := console(c.Context, c.Bool("quiet"))
	folder, err := demoFolder(c, p, meter.Notice)
	if err != nil {
		return usage(fmt.Errorf("demo: %w", err))
	}
	defer folder.Close()
	meter.Notice("simulating %d patterns of %d×%d pixels", demoScan.Patterns, demoScan.N, demoScan.N)
	if err := folder.Register(filepath.Base(p.scan)); err != nil {
		return err
	}
	graceful(c.Context, "the training ends after this step with a checkpoint")
	prompt, done := signalsOf(c.Context).prompt(c.Context)
	defer done()
	if _, err := dataset.Simulate(prompt, demoScan, p.scan, true); err != nil {
		return err
	}
	var report demoReport
	common := map[string]string{"overwrite": "true", "threads": strconv.Itoa(c.Int("threads"))}
	with := func(more map[string]string) map[string]string {
		for k, v := range common {
			more[k] = v
		}
		return more
	}
	settings, err := config.NewTraining(config.Data(p.scan, map[string]any{"model.n": demoScan.N}), config.Flags(config.Train, with(map[string]string{
		"train-data-file": p.scan, "output-dir": p.run, "rows": "split=0", "max-epochs": strconv.Itoa(c.Int("max-epochs")),
	})))
	if err != nil {
		return err
	}
	h, err := startBackend(prompt, meter, settings.Execution(), settings.Values(), "data "+p.scan)
	if err != nil {
		return err
	}
	defer h.close(c.Context)
	if report.Train, err = train.Run(c.Context, settings, h.Host); err != nil {
		return err
	}
	if report.Infer, err = demoImage(prompt, p, with, h.Host); err != nil {
		return err
	}
	report.Evaluate, err = evaluate.Run(prompt, evaluate.Options{
		Reconstruction: filepath.Join(p.out, output.ReconstructionFile), Reference: p.scan, Rows: "split=1", Units: "auto",
	}, h.Host)
	meter.Done()
	if err != nil {
		return err
	}
	if err := folder.Finish(); err != nil {
		return err
	}
	return printReport(c, report, func() {
		stdout.Printf("trained %s in %.0f s, reconstructed %s not used in training\n", words.Of(report.Train.Epochs, "epoch"), report.Train.Seconds, words.Of(report.Infer.Patterns, "pattern"))
		printEvaluation(report.Evaluate)
		stdout.Printf("pictures: %s, %s\n", filepath.Join(p.out, output.AmplitudeFile), filepath.Join(p.out, output.PhaseFile))
	})
}

// demoFolder prepares the folder of a demo. The run and the reconstruction are separate output folders inside it: each
// replaces its predecessor only when it is complete. An interrupted demo is restarted with the same flags.
func demoFolder(c *cli.Context, p demoPaths, notice func(string, ...any)) (*output.Dir, error) {
	r := output.Request{
		Target: filepath.Dir(p.scan), Overwrite: c.Bool("overwrite"), Notice: notice,
		Writes: []string{filepath.Base(p.scan), filepath.Base(p.run) + "/", filepath.Base(p.out) + "/"},
		Parts:  []string{filepath.Base(p.run), filepath.Base(p.out)},
	}
	if err := output.Check(r); err != nil {
		return nil, err
	}
	for _, part := range []output.Request{
		{Target: p.run, Overwrite: true, Writes: train.Writes()}, output.ImageRequest(p.out, true, nil, nil),
	} {
		if err := output.Check(part); err != nil {
			return nil, err
		}
	}
	return output.Create(r)
}

// demoImage reconstructs the half that was not used in training.
func demoImage(ctx context.Context, p demoPaths, with func(map[string]string) map[string]string, h host.Host) (infer.Report, error) {
	fixed, err := model.Describe(p.run)
	if err != nil {
		return infer.Report{}, err
	}
	settings, err := config.NewInference(config.Data(p.run, fixed), config.Flags(config.Infer, with(map[string]string{
		"model-path": p.run, "test-data": p.scan, "output-dir": p.out, "rows": "split=1",
	})))
	if err != nil {
		return infer.Report{}, err
	}
	return infer.Run(ctx, settings, h)
}
