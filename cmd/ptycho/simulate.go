package main

import (
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/host/simulation"
	"github.com/ptychogo/ptycho/internal/plural"
)

func simulateCommand() *cli.Command {
	return &cli.Command{
		Name:  "simulate",
		Usage: "make a scan with known truth",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Usage: "npz file to write; required"},
			&cli.StringFlag{Name: "object", Value: "lines", Usage: "lines, fields, cells or blocks"},
			&cli.StringFlag{Name: "probe", Value: "disk", Usage: "disk, gaussian or aberrated"},
			&cli.StringFlag{Name: "positions", Value: "random", Usage: "random or raster"},
			&cli.IntFlag{Name: "n", Value: 64, Usage: "side of a pattern (pixels)"},
			&cli.IntFlag{Name: "object-size", Usage: "side of the object (pixels)", DefaultText: "4·n"},
			&cli.Float64Flag{Name: "probe-radius", Usage: "radius of the probe (pixels)", DefaultText: "0.17·n"},
			&cli.IntFlag{Name: "n-images", Value: 512, Usage: "random positions"},
			&cli.Float64Flag{Name: "overlap", Value: 0.7, Usage: "part of the probe's diameter that neighbours of a raster share"},
			&cli.Float64Flag{Name: "jitter", Usage: "largest displacement from the raster, as a part of its step"},
			&cli.Float64Flag{Name: "nphotons", Value: 1e6, Usage: "mean photons in a pattern"},
			&cli.Uint64Flag{Name: "seed", Usage: "of everything random"},
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
			report, err := simulation.Write(c.Context, o, c.String("output"), c.Bool("overwrite"))
			if err != nil {
				return err
			}
			return tell(c, report, func() {
				stdout.Printf("%s: %s of %d×%d pixels, %.4g photons each\n", report.Path, plural.Of(report.Patterns, "pattern"), report.N, report.N, report.MeanCounts)
			})
		},
	}
}

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "simulate a scan, train on one half for about two minutes, reconstruct the other, compare with the truth",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output-dir", Value: "ptycho-demo", Usage: "folder for all files"},
			&cli.IntFlag{Name: "max-epochs", Value: 8, Usage: "epochs to train"},
			&cli.IntFlag{Name: "threads", Usage: "threads of computation", DefaultText: "all cores"},
			&cli.BoolFlag{Name: "overwrite", Usage: "replace the files that ptycho wrote in the folder"},
			&cli.BoolFlag{Name: "quiet", Usage: "no progress"},
			&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
		},
		Action: runDemo,
	}
}

// demoPaths are the files of a demonstration.
type demoPaths struct{ scan, run, out string }

func pathsOf(dir string) demoPaths {
	return demoPaths{filepath.Join(dir, "scan.npz"), filepath.Join(dir, "run"), filepath.Join(dir, "out")}
}
