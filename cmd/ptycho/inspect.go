package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/host/workflow"
)

// result prints what a command found: as JSON with --json, else in words.
func result(c *cli.Context, report any, words func()) error {
	if !c.Bool("json") {
		words()
		return nil
	}
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(report)
}

func inspectCommand() *cli.Command {
	return &cli.Command{
		Name: "inspect", Usage: "describe a scan file", ArgsUsage: "FILE",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "diffraction-layout", Value: "auto", Usage: "auto, nhw or hwn"},
			&cli.StringFlag{Name: "diffraction-units", Value: "auto", Usage: "auto, counts, amplitude or normalised"},
			&cli.StringFlag{Name: "rows", Usage: "patterns to look at"},
			&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usage(fmt.Errorf("inspect: %d files given, want one", c.NArg()))
			}
			report, err := workflow.Inspect(c.Args().First(), c.String("diffraction-units"), c.String("diffraction-layout"), c.String("rows"))
			if err != nil {
				return err
			}
			return result(c, report, func() {
				fmt.Printf("%s: %d patterns of %d×%d pixels\n", report.Path, report.Patterns, report.N, report.N)
				fmt.Printf("counts: mean %.4g per pattern, largest %.4g, %.1f %% of pixels are 0\n", report.MeanCounts, report.MaxCount, 100*report.DarkShare)
				fmt.Printf("positions: rows %.2f … %.2f, columns %.2f … %.2f (object pixels)\n", report.RowRange[0], report.RowRange[1], report.ColumnRange[0], report.ColumnRange[1])
				fmt.Printf("probe: %d modes; reference object: %v\n", report.Modes, report.HasObject)
				for _, n := range report.Notes {
					fmt.Println("note:", n)
				}
			})
		},
	}
}

func modelCommand() *cli.Command {
	return &cli.Command{Name: "model", Usage: "look at models", Subcommands: []*cli.Command{{
		Name: "show", Usage: "print the program of a trained model, or of an architecture", ArgsUsage: "[DIRECTORY]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "arch", Value: "unet", Usage: strings.Join(arch.Names(), " or ") + ", when no directory is given"},
			&cli.IntFlag{Name: "n", Value: 64, Usage: "side of a pattern (pixels)"},
			&cli.IntFlag{Name: "gridsize", Value: 2, Usage: "patterns along a side of a group"},
			&cli.IntFlag{Name: "n-filters-scale", Value: 2, Usage: "widths of the layers are proportional to it"},
			&cli.BoolFlag{Name: "json", Usage: "the program as JSON"},
		},
		Action: func(c *cli.Context) error {
			config := arch.Config{Arch: c.String("arch"), N: c.Int("n"), Gridsize: c.Int("gridsize"), FiltersScale: c.Int("n-filters-scale")}
			if config.Arch == "cnn" {
				config.PadObject, config.ProbeBig = true, true
				if config.Gridsize > 1 {
					config.Canvas = arch.CanvasFor(config.N, float64(config.N/4))
				}
			}
			if c.NArg() == 1 {
				m, err := bundle.Read(c.Args().First())
				if err != nil {
					return &workflow.Failure{Code: workflow.ExitData, Err: err}
				}
				if err := json.Unmarshal(m.Settings, &config); err != nil {
					return &workflow.Failure{Code: workflow.ExitData, Err: err}
				}
			}
			p, err := arch.Build(config)
			if err != nil {
				return usage(err)
			}
			return result(c, p, func() { fmt.Print(p.Text()) })
		},
	}}}
}

func versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "as JSON"}},
		Action: func(c *cli.Context) error {
			v := map[string]string{"ptycho": workflow.Version, "protocol": fmt.Sprintf("%d.%d", backend.ProtocolMajor, backend.ProtocolMinor), "go": runtime.Version()}
			return result(c, v, func() { fmt.Printf("ptycho %s, plugin protocol %s, %s\n", v["ptycho"], v["protocol"], v["go"]) })
		},
	}
}
