package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host/workflow"
)

func trainCommand() *cli.Command {
	return &cli.Command{
		Name:  "train",
		Usage: "train a model on a scan",
		Flags: settingFlags(config.Train),
		Action: func(c *cli.Context) error {
			draft, err := draftTraining(c)
			if err != nil {
				return err
			}
			x := draft.Execution()
			meter := consoleOf(x, draft.Notices())
			h, err := ready(c.Context, meter, x, draft.Values(), "data "+draft.Settings().TrainDataFile)
			if err != nil {
				return err
			}
			defer h.close(c.Context)
			cfg, err := describeScan(draft)
			if err != nil {
				return err
			}
			report, err := workflow.Train(c.Context, cfg, h.Host)
			meter.Done()
			if err != nil {
				return err
			}
			return result(c, report, func() {
				fmt.Printf("%s: model of %d parameters, %d epochs, %d steps in %.0f s (%s)\n", report.OutputDir, report.Parameters, report.Epochs, report.Steps, report.Seconds, report.Ended)
				fmt.Printf("deviance %.4g per pixel; a perfect fit scores %.4g, a flat object %.4g\n", report.Last.Deviance, report.Last.ExpectedDeviance, report.FlatDeviance)
			})
		},
	}
}

func inferCommand() *cli.Command {
	return &cli.Command{
		Name:  "infer",
		Usage: "reconstruct a scan with a trained model",
		Flags: settingFlags(config.Infer),
		Action: func(c *cli.Context) error {
			cfg, err := draftInference(c)
			if err != nil {
				return err
			}
			x := cfg.Execution()
			meter := consoleOf(x, cfg.Notices())
			h, err := ready(c.Context, meter, x, cfg.Values(), "data "+cfg.Settings().TestData)
			if err != nil {
				return err
			}
			defer h.close(c.Context)
			report, err := workflow.Infer(c.Context, cfg, h.Host)
			meter.Done()
			if err != nil {
				return err
			}
			return result(c, report, func() {
				fmt.Printf("%s: %d patterns, object of %d×%d pixels, %.0f patterns/s\n", report.OutputDir, report.Patterns, report.ObjectSize[0], report.ObjectSize[1], report.PatternsPerSecond)
				fmt.Printf("R %.5f of the stitched image; a flat object scores %.5f\n", report.Residual, report.FlatResidual)
			})
		},
	}
}
