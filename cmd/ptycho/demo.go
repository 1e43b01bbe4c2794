package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/evaluation"
	"github.com/ptychogo/ptycho/host/inference"
	"github.com/ptychogo/ptycho/host/model"
	"github.com/ptychogo/ptycho/host/result"
	"github.com/ptychogo/ptycho/host/simulation"
	"github.com/ptychogo/ptycho/host/training"
	"github.com/ptychogo/ptycho/internal/plural"
)

// demoScan is small enough for two minutes on two cores and large enough to learn from.
var demoScan = simulate.Options{Seed: 1, Object: simulate.Lines, Probe: simulate.Disk, N: 64, Height: 256, Patterns: 1024, Photons: 1e6}

// demoReport is what demo prints.
type demoReport struct {
	Train    training.Report   `json:"train"`
	Infer    inference.Report  `json:"infer"`
	Evaluate evaluation.Report `json:"evaluate"`
}

func runDemo(c *cli.Context) error {
	dir := c.String("output-dir")
	if err := demoFolder(dir, c.Bool("overwrite")); err != nil {
		return err
	}
	p := pathsOf(dir)
	meter := console(c.Context, c.Bool("quiet"))
	meter.Notice("simulating %d patterns of %d×%d pixels", demoScan.Patterns, demoScan.N, demoScan.N)
	graceful(c.Context, "the training ends after this step with a checkpoint")
	prompt, done := signalsOf(c.Context).prompt(c.Context)
	defer done()
	if _, err := simulation.Write(prompt, demoScan, p.scan, true); err != nil {
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
	train, err := config.NewTraining(config.Data(p.scan, map[string]any{"model.n": demoScan.N}), config.Flags(config.Train, with(map[string]string{
		"train-data-file": p.scan, "output-dir": p.run, "rows": "split=0", "max-epochs": strconv.Itoa(c.Int("max-epochs")),
	})))
	if err != nil {
		return err
	}
	h, err := ready(prompt, meter, train.Execution(), train.Values(), "data "+p.scan)
	if err != nil {
		return err
	}
	defer h.close(c.Context)
	if report.Train, err = training.Train(c.Context, train, h.Host); err != nil {
		return err
	}
	if report.Infer, err = demoImage(prompt, p, with, h.Host); err != nil {
		return err
	}
	report.Evaluate, err = evaluation.Evaluate(prompt, evaluation.Options{
		Reconstruction: filepath.Join(p.out, result.ReconstructionFile), Reference: p.scan, Rows: "split=1", Units: "auto",
	}, h.Host)
	meter.Done()
	if err != nil {
		return err
	}
	return tell(c, report, func() {
		stdout.Printf("trained %s in %.0f s, reconstructed %s that it had not seen\n", plural.Of(report.Train.Epochs, "epoch"), report.Train.Seconds, plural.Of(report.Infer.Patterns, "pattern"))
		printEvaluation(report.Evaluate)
		stdout.Printf("pictures: %s, %s\n", filepath.Join(p.out, result.AmplitudeFile), filepath.Join(p.out, result.PhaseFile))
	})
}

// demoFolder makes the folder of a demo, or finds it empty.
func demoFolder(dir string, overwrite bool) error {
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		if !overwrite {
			return usage(fmt.Errorf("demo: %s is not empty: give another --output-dir, or --overwrite to replace its files", dir))
		}
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return usage(fmt.Errorf("demo: %w", err))
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return usage(fmt.Errorf("demo: %w", err))
	}
	return nil
}

// demoImage reconstructs the half that was not trained on.
func demoImage(ctx context.Context, p demoPaths, with func(map[string]string) map[string]string, h host.Host) (inference.Report, error) {
	fixed, err := model.Describe(p.run)
	if err != nil {
		return inference.Report{}, err
	}
	infer, err := config.NewInference(config.Data(p.run, fixed), config.Flags(config.Infer, with(map[string]string{
		"model-path": p.run, "test-data": p.scan, "output-dir": p.out, "rows": "split=1",
	})))
	if err != nil {
		return inference.Report{}, err
	}
	return inference.Infer(ctx, infer, h)
}
