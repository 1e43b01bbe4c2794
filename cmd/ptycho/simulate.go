package main

import (
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/internal/words"
)

func simulateCommand() *cli.Command {
	return &cli.Command{
		Name: "simulate", Category: scans,
		Usage: "simulate a scan with a known object",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Usage: "npz file to write (required)"},
			&cli.StringFlag{Name: "object", Value: "lines", Usage: "kind of object"},
			&cli.StringFlag{Name: "probe", Value: "disk", Usage: "kind of probe"},
			&cli.StringFlag{Name: "positions", Value: "random", Usage: "kind of scan path"},
			&cli.IntFlag{Name: "n", Value: 64, Usage: "side of a pattern (pixels)"},
			&cli.IntFlag{Name: "object-size", Usage: "side of the object (pixels)", DefaultText: "4·n"},
			&cli.Float64Flag{Name: "probe-radius", Usage: "radius of the probe (pixels)", DefaultText: "0.17·n"},
			&cli.IntFlag{Name: "n-images", Value: 512, Usage: "number of random positions"},
			&cli.Float64Flag{Name: "overlap", Value: 0.7, Usage: "fraction of the probe's diameter shared by neighbours of a raster"},
			&cli.Float64Flag{Name: "jitter", Usage: "largest displacement from the raster, as a fraction of its step"},
			&cli.Float64Flag{Name: "nphotons", Value: 1e6, Usage: "mean photons in a pattern"},
			&cli.StringFlag{Name: "fault", Usage: "faults of the scan, NAME or NAME=STRENGTH, joined by commas", DefaultText: "none"},
			&cli.Uint64Flag{Name: "seed", Usage: "seed of all random values"},
			&cli.BoolFlag{Name: "overwrite", Usage: "replace the file"},
			&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
		},
		Action: func(c *cli.Context) error {
			if err := required(c, "output"); err != nil {
				return err
			}
			o := simulate.Options{
				Seed: c.Uint64("seed"), N: c.Int("n"), Height: c.Int("object-size"), Radius: c.Float64("probe-radius"),
				Patterns: c.Int("n-images"), Overlap: c.Float64("overlap"), Jitter: c.Float64("jitter"), Photons: c.Float64("nphotons"),
			}
			var err error
			if o.Object, err = simulate.ParseObject(c.String("object")); err != nil {
				return usage(err)
			}
			if o.Probe, err = simulate.ParseProbe(c.String("probe")); err != nil {
				return usage(err)
			}
			if o.Path, err = simulate.ParsePath(c.String("positions")); err != nil {
				return usage(err)
			}
			if o.Faults, err = simulate.ParseFaults(c.String("fault")); err != nil {
				return usage(err)
			}
			report, err := dataset.Simulate(c.Context, o, c.String("output"), c.Bool("overwrite"))
			if err != nil {
				return err
			}
			return printReport(c, report, func() {
				stdout.Printf("%s: %s of %d×%d pixels, %.4g photons each\n", report.Path, words.Of(report.Patterns, "pattern"), report.N, report.N, report.MeanCounts)
			})
		},
	}
}

func demoCommand() *cli.Command {
	return &cli.Command{
		Name: "demo", Category: imaging,
		Usage: "simulate a scan, train on one half (about two minutes), reconstruct the other half",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output-dir", Value: "ptycho-demo", Usage: "folder for all files"},
			&cli.IntFlag{Name: "max-epochs", Value: 8, Usage: "number of training epochs"},
			&cli.IntFlag{Name: "threads", Usage: "number of threads", DefaultText: "all cores"},
			&cli.BoolFlag{Name: "overwrite", Usage: "replace the files that ptycho wrote in the folder"},
			&cli.BoolFlag{Name: "quiet", Usage: "no progress"},
			&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
		},
		Action: runDemo,
	}
}

// demoPaths are the paths of a demo's files.
type demoPaths struct{ scan, run, out string }

func pathsOf(dir string) demoPaths {
	return demoPaths{filepath.Join(dir, "scan.npz"), filepath.Join(dir, "run"), filepath.Join(dir, "out")}
}
