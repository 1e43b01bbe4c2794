package main

import (
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/infer"
	"github.com/ptychogo/ptycho/host/output"
	"github.com/ptychogo/ptycho/host/train"
	"github.com/ptychogo/ptycho/internal/words"
)

func trainCommand() *cli.Command {
	return &cli.Command{
		Name: "train", Category: imaging,
		Usage: "train a model on a scan",
		Flags: settingFlags(config.Train),
		Action: func(c *cli.Context) error {
			draft, err := draftTraining(c)
			if err != nil {
				return err
			}
			x := draft.Execution()
			meter := consoleOf(c.Context, x, draft.Notices())
			if !x.DryRun {
				graceful(c.Context, "the run ends after this step with a checkpoint")
			}
			cfg, err := describeScan(draft) // before a backend is started: a missing file is the most frequent mistake
			if err != nil {
				return err
			}
			starting, done := signalsOf(c.Context).prompt(c.Context)
			defer done()
			h, err := startBackend(starting, meter, x, cfg.Values(), "data "+cfg.Settings().TrainDataFile)
			if err != nil {
				return err
			}
			defer h.close(c.Context)
			if x.DryRun {
				return dryRun(c, meter, cfg, func() (host.Plan, error) { return train.Plan(c.Context, cfg, h.Host) })
			}
			report, err := train.Run(c.Context, cfg, h.Host)
			meter.Done()
			if err != nil {
				return host.Relieve(err, "--batch-size")
			}
			return printReport(c, report, func() {
				stdout.Printf("%s: model of %s, %s, %s in %.0f s (%s)\n", report.OutputDir, words.Of(report.Parameters, "parameter"), words.Of(report.Epochs, "epoch"), words.Of(report.Steps, "step"), report.Seconds, report.Ended)
				if report.Epochs > 0 {
					stdout.Printf("deviance %.4g per pixel (flat object %.4g, perfect fit %.4g)\n", report.Last.Deviance, report.FlatDeviance, report.Last.ExpectedDeviance)
				}
				if report.Ended == "stopped early" || report.Weights != "last" {
					stdout.Printf("the model holds the %s weights\n", report.Weights)
				}
				stdout.Printf("to reconstruct a scan: ptycho infer --model-path %s --test-data SCAN --output-dir FOLDER\n", report.OutputDir)
			})
		},
	}
}

func inferCommand() *cli.Command {
	return &cli.Command{
		Name: "infer", Category: imaging,
		Usage: "reconstruct a scan with a trained model",
		Flags: settingFlags(config.Infer),
		Action: func(c *cli.Context) error {
			cfg, notice, err := draftInference(c)
			if err != nil {
				return err
			}
			x := cfg.Execution()
			meter := consoleOf(c.Context, x, cfg.Notices())
			if notice != "" {
				meter.Notice("%s", notice)
			}
			if _, err := (dataset.Source{Path: cfg.Settings().TestData, Layout: cfg.Settings().DiffractionLayout, Scan: cfg.Scan(), Adapt: cfg.AdaptedSide}).Describe(); err != nil {
				return err
			}
			h, err := startBackend(c.Context, meter, x, cfg.Values(), "data "+cfg.Settings().TestData)
			if err != nil {
				return err
			}
			defer h.close(c.Context)
			if x.DryRun {
				return dryRun(c, meter, cfg, func() (host.Plan, error) { return infer.Plan(c.Context, cfg, h.Host) })
			}
			report, err := infer.Run(c.Context, cfg, h.Host)
			meter.Done()
			if err != nil {
				return host.Relieve(err, "--inference-batch-size")
			}
			return printReport(c, report, func() {
				stdout.Printf("%s: %s, object of %d×%d pixels, %.0f patterns/s\n", report.OutputDir, words.Of(report.Patterns, "pattern"), report.ObjectSize[0], report.ObjectSize[1], report.PatternsPerSecond)
				stdout.Printf("residual R %.5f of the stitched image (flat object %.5f, photon noise %.5f)\n", report.Residual, report.FlatResidual, report.Expected)
				printFiles(report.OutputDir, report.Exports)
			})
		},
	}
}

// printFiles prints the files that infer or solve has written.
func printFiles(dir string, exports []string) {
	files := append([]string{output.PhaseFile, output.AmplitudeFile, output.ReconstructionFile}, exports...)
	stdout.Printf("written: %s in %s\n", strings.Join(files, ", "), dir)
}

// resolved is a configuration that can be printed.
type resolved interface {
	YAML() []byte
	Values() []config.Value
}

// dryRun prints the plan of a run, then its settings.
func dryRun(c *cli.Context, meter *progressMeter, cfg resolved, measure func() (host.Plan, error)) error {
	plan, err := measure()
	meter.Done()
	if err != nil {
		return err
	}
	settings := map[string]string{}
	for _, v := range cfg.Values() {
		settings[v.Setting.Key()] = v.Text
	}
	report := struct {
		host.Plan
		Settings map[string]string `json:"settings"`
	}{plan, settings}
	return printReport(c, report, func() {
		printPlan(plan)
		stdout.Printf("\n%s", cfg.YAML())
	})
}

// printPlan prints a plan in three lines, and says that nothing was written.
func printPlan(p host.Plan) {
	stdout.Printf("%s of %d×%d pixels", words.Of(p.Patterns, "pattern"), p.N, p.N)
	if p.Validation > 0 {
		stdout.Printf(", %d more for validation", p.Validation)
	}
	stdout.Printf("; network of %s\n", words.Of(p.Parameters, "parameter"))
	took := (time.Duration(p.Seconds*1000) * time.Millisecond).Round(time.Second / 10)
	if p.Epochs > 0 {
		stdout.Printf("%s of %s, %d in all, %.3g s each: about %v\n", words.Of(p.Epochs, "epoch"), words.Of(p.StepsPerEpoch, "step"), p.Steps, p.StepSeconds, took)
	} else {
		stdout.Printf("%s, %.3g s each: about %v\n", words.Of(p.Steps, "batch"), p.StepSeconds, took)
	}
	if p.BackendBytes > 0 {
		stdout.Printf("memory of the backend %d MiB, ", p.BackendBytes>>20)
	}
	stdout.Printf("patterns %d MiB", p.SpoolBytes>>20)
	if p.CheckpointBytes > 0 {
		stdout.Printf(", a checkpoint %.1f MiB", float64(p.CheckpointBytes)/(1<<20))
	}
	stdout.Printf("\nnothing was written to %s; the settings:\n", p.OutputDir)
}
