package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/inspect"
	"github.com/ptychogo/ptycho/host/output"
	"github.com/ptychogo/ptycho/internal/words"
)

// printReport prints a command's report: as JSON with --json, else in words.
func printReport(c *cli.Context, report any, words func()) error {
	if !c.Bool("json") {
		words()
		return nil
	}
	e := json.NewEncoder(stdout)
	e.SetIndent("", "  ")
	return e.Encode(report)
}

func inspectCommand() *cli.Command {
	return &cli.Command{
		Name: "inspect", Category: scans, Usage: "describe a scan file and check its geometry", ArgsUsage: "FILE",
		Flags: append(scanFlags(),
			layoutFlag(),
			unitsFlag(),
			&cli.StringFlag{Name: "rows", Usage: "patterns to inspect, such as split=1 or 0:100"},
			&cli.BoolFlag{Name: "no-geometry", Usage: "skip the check of the orientation of the positions, which takes seconds"},
			&cli.BoolFlag{Name: "scale", Usage: "also try position steps up to 20 % shorter and longer"},
			&cli.IntFlag{Name: "threads", Usage: "number of threads", DefaultText: "all cores"},
			highCompressionFlag(),
			&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
		),
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usage(fmt.Errorf("inspect: %s given, want one: ptycho inspect FILE", words.Of(c.NArg(), "file")))
			}
			if n := c.Int("threads"); n < 0 || c.IsSet("threads") && n == 0 {
				return usage(fmt.Errorf("inspect: --threads %d: want at least 1", n))
			}
			if c.Bool("no-geometry") && c.Bool("scale") {
				return usage(errors.New("inspect: --scale and --no-geometry exclude each other: --scale is part of the geometry check"))
			}
			given, err := scanOf(c)
			if err != nil {
				return usage(fmt.Errorf("inspect: %w", err))
			}
			meter := console(c.Context, false)
			defer meter.Done()
			var early func(inspect.Report)
			if !c.Bool("json") {
				early = func(r inspect.Report) {
					meter.Done()
					printRead(r)
				}
			}
			report, err := inspect.Run(c.Context, inspect.Options{
				Read: early, Progress: meter.Update,
				Path: c.Args().First(), Units: c.String("diffraction-units"), Layout: c.String("diffraction-layout"), Rows: c.String("rows"), Scan: given,
				Geometry: !c.Bool("no-geometry"), Scale: c.Bool("scale"), Threads: c.Int("threads"),
				HighCompression: c.Bool(highCompression),
			})
			if err != nil {
				return err
			}
			if err := printReport(c, report, func() { printChecks(c, report) }); err != nil || report.Fault == "" {
				return err
			}
			return host.Failf(host.ExitData, "%s: %s", report.Path, report.Fault)
		},
	}
}

// printRead prints what was read, while the checks run.
func printRead(r inspect.Report) {
	q := r.Quality
	stdout.Printf("%s: %s of %d×%d pixels\n", r.Path, words.Of(r.Patterns, "pattern"), r.N, r.N)
	stdout.Printf("counts: mean %.4g per pattern (%.4g … %.4g), largest %.4g, %.1f %% of pixels are 0\n", r.MeanCounts, q.FewestCounts, q.MostCounts, r.MaxCount, 100*r.DarkShare)
	if q.CountUnit > 1 {
		stdout.Printf("  all counts are multiples of %d: they are not single photons\n", q.CountUnit)
	}
	if q.Saturated {
		stdout.Printf("  %s at the largest count: the detector may be saturated\n", words.Of(q.AtMaximum, "value"))
	}
	stdout.Printf("detector: background %.3g counts per pixel, beam centre off by (%.1f, %.1f) pixels (row, column)%s%s\n", q.Background, q.BeamCentre[0], q.BeamCentre[1],
		pixels("dead", q.DeadPixels), pixels("hot", q.HotPixels))
	stdout.Printf("positions: rows %.2f … %.2f, columns %.2f … %.2f (%s)", r.RowRange[0], r.RowRange[1], r.ColumnRange[0], r.ColumnRange[1], positionUnit(r))
	if r.Patterns > 1 {
		stdout.Printf(", nearest neighbour %.2f px away", q.Step)
	}
	if q.Duplicates > 0 {
		stdout.Printf(", %s equal to another", words.Of(q.Duplicates, "position"))
	}
	stdout.Print("\nprobe: ")
	if r.Modes == 0 {
		stdout.Print("none, one will be estimated")
	} else {
		stdout.Printf("%s, %.1f px in diameter", words.Of(r.Modes, "mode"), q.ProbeDiameter)
		if r.Patterns > 1 {
			stdout.Printf(", overlap with the nearest neighbour %.2f", q.Overlap)
		}
	}
	stdout.Printf("; reference object: %s\n", map[bool]string{true: "in the file", false: "none"}[r.HasObject])
	for _, n := range r.Notes {
		stdout.Println("note:", n)
	}
}

// printChecks prints the result of the checks.
func printChecks(c *cli.Context, r inspect.Report) {
	if g := r.Geometry; g != nil {
		stdout.Println("geometry:", g)
		if given := c.String("positions"); !g.Right() && (given == "" || given == "none") {
			stdout.Printf("  give --positions %s to every command that reads this scan\n", g.Best().Flag())
		}
		if g.Scale != 0 {
			verdict := "not distinguishable from 1"
			if g.ScaleSure {
				verdict = "clearly better than 1"
			}
			stdout.Printf("  the step fits best when stretched by %.3f, %s\n", g.Scale, verdict)
		}
	}
	for _, f := range r.Findings {
		stdout.Printf("%s: %s: %s\n", f.Severity, f.ID, f.Advice())
	}
	if r.GeometryNote != "" {
		stdout.Println("note:", r.GeometryNote)
	}
}

// pixels lists the first three of some pixels.
func pixels(what string, at [][2]int) string {
	if len(at) == 0 {
		return ""
	}
	text := ", " + words.Of(len(at), what+" pixel")
	for i, p := range at[:min(len(at), 3)] {
		text += fmt.Sprintf("%s(%d, %d)", []string{": ", ", "}[min(i, 1)], p[0], p[1])
	}
	if len(at) > 3 {
		text += ", …"
	}
	return text
}

func modelCommand() *cli.Command {
	return &cli.Command{Name: "model", Category: upkeep, Usage: "show the program of a model", Subcommands: []*cli.Command{{
		Name: "show", Usage: "print the program of a trained model or of an architecture", ArgsUsage: "[DIRECTORY]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "arch", Value: arch.Names()[0], Usage: "architecture, where no directory is given"},
			&cli.IntFlag{Name: "n", Value: 64, Usage: "side of a pattern (pixels)"},
			&cli.IntFlag{Name: "gridsize", Value: 2, Usage: "patterns along a side of a group"},
			&cli.IntFlag{Name: "n-filters-scale", Value: 2, Usage: "factor of the widths of the layers"},
			&cli.BoolFlag{Name: "json", Usage: "print the program as JSON"},
		},
		Action: func(c *cli.Context) error {
			config := arch.Config{Arch: c.String("arch"), N: c.Int("n"), Gridsize: c.Int("gridsize"), FiltersScale: c.Int("n-filters-scale")}
			cnn := arch.Has(config.Arch, "pad-object")
			config.PadObject, config.ProbeBig, config.Standardise, config.BackProject = cnn, cnn, cnn, cnn
			if config.NeedsCanvas() {
				config.Canvas = arch.CanvasFor(config.N, float64(config.N/4))
			}
			if c.NArg() == 1 {
				if err := output.Settle(c.Args().First()); err != nil {
					return err
				}
				m, err := bundle.Read(c.Args().First())
				if err != nil {
					return err
				}
				if err := json.Unmarshal(m.Settings, &config); err != nil {
					return host.Fail(host.ExitData, err)
				}
			}
			p, err := arch.Build(config)
			if err != nil {
				return usage(err)
			}
			return printReport(c, p, func() { stdout.Print(p.Text()) })
		},
	}}}
}

func versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Category: terminal, Usage: "print the version",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print as JSON"}},
		Action: func(c *cli.Context) error {
			v := map[string]string{"ptycho": host.Version, "protocol": fmt.Sprintf("%d.%d", backend.ProtocolMajor, backend.ProtocolMinor), "go": runtime.Version()}
			return printReport(c, v, func() { stdout.Printf("ptycho %s, plugin protocol %s, %s\n", v["ptycho"], v["protocol"], v["go"]) })
		},
	}
}

// positionUnit returns the unit of the positions. The positions of a scan with a fault may be in another unit.
func positionUnit(r inspect.Report) string {
	if r.Fault != "" {
		return "read as object pixels"
	}
	return "object pixels"
}
