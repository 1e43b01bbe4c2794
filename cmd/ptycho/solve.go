package main

import (
	"fmt"
	"math"

	"github.com/urfave/cli/v2"

	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/output"
	"github.com/ptychogo/ptycho/host/solve"
	"github.com/ptychogo/ptycho/internal/words"
)

func solveCommand() *cli.Command {
	return &cli.Command{
		Name: "solve", Category: imaging,
		Usage: "reconstruct a scan iteratively, without a model",
		Flags: append(append(scanFlags(), examineFlags()...),
			&cli.StringFlag{Name: "data", Usage: "file with the scan (required)"},
			&cli.StringFlag{Name: "output-dir", Usage: "folder for the result (required)"},
			&cli.StringFlag{Name: "engine", Value: "epie", Usage: "iterative method"},
			&cli.IntFlag{Name: "iterations", Value: 60, Usage: "greatest number of passes over all patterns"},
			&cli.StringFlag{Name: "fit", Value: "auto", Usage: "also fitted: auto, none, or probe, background, positions, affine, intensity"},
			&cli.IntFlag{Name: "modes", Usage: "incoherent modes of the probe", DefaultText: "those of the file"},
			&cli.BoolFlag{Name: "halves", Usage: "also solve the even and the odd patterns separately and report their FRC"},
			&cli.Float64Flag{Name: "position-bound", Value: 8, Usage: "largest shift of a fitted position along each axis (object pixels)"},
			&cli.Uint64Flag{Name: "seed", Usage: "seed of the order of the patterns, and of --n-images"},
			&cli.IntFlag{Name: "threads", Usage: "threads; the result does not depend on their number", DefaultText: "all cores"},
			&cli.StringFlag{Name: "rows", Usage: "patterns to use, such as split=1 or 0:100"},
			&cli.IntFlag{Name: "n-images", Usage: "number of patterns to draw at random, by --seed", DefaultText: "all"},
			unitsFlag(),
			layoutFlag(),
			highCompressionFlag(),
			&cli.IntFlag{Name: "preview", Usage: "iterations between writes of the preview pictures", DefaultText: "only at the end"},
			&cli.StringFlag{Name: "export", Usage: "files for other programs, besides the npz; several joined by commas", DefaultText: "none"},
			&cli.BoolFlag{Name: "no-held-out-stop", Usage: "with --fit auto, do all iterations"},
			&cli.BoolFlag{Name: "no-low-frequency", Usage: "leave out the low-frequency step after each iteration"},
			&cli.BoolFlag{Name: "no-geometry", Usage: "skip the check that the patterns fit the positions"},
			&cli.BoolFlag{Name: "overwrite", Usage: "replace the files that ptycho wrote in the folder"},
			&cli.BoolFlag{Name: "quiet", Usage: "no progress"},
			&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
		),
		Action: func(c *cli.Context) error {
			o, err := solveOptions(c)
			if err != nil {
				return usage(err)
			}
			meter := console(c.Context, c.Bool("quiet"))
			graceful(c.Context, "the image of the last whole iteration is written")
			report, err := solve.Run(c.Context, o, host.Host{
				Notice: meter.Notice, Stop: signalsOf(c.Context).stop, Hurry: signalsOf(c.Context).hurry,
				Progress: meter.Update,
			})
			meter.Done()
			if err != nil {
				return err
			}
			return printReport(c, report, func() { printSolved(report) })
		},
	}
}

// solveOptions reads the flags. An error about a flag names the flag.
func solveOptions(c *cli.Context) (solve.Options, error) {
	o := solve.Options{
		Data: c.String("data"), Rows: c.String("rows"), Units: c.String("diffraction-units"), Layout: c.String("diffraction-layout"),
		OutputDir: c.String("output-dir"), Overwrite: c.Bool("overwrite"), Halves: c.Bool("halves"), Preview: c.Int("preview"),
		HighCompression: c.Bool(highCompression), NoGeometry: c.Bool("no-geometry"),
	}
	if err := required(c, "data", "output-dir"); err != nil {
		return o, err
	}
	var err error
	if o.Scan, err = scanOf(c); err != nil {
		return o, err
	}
	if o.Solve.Engine, err = iterative.ParseEngine(c.String("engine")); err != nil {
		return o, fmt.Errorf("--engine: %w", err)
	}
	if o.Auto = c.String("fit") == "auto"; o.Auto {
		o.NoHeldOutStop = c.Bool("no-held-out-stop")
	} else if o.Solve.Fit, err = iterative.ParseFit(c.String("fit")); err != nil {
		return o, fmt.Errorf("--fit: %w", err)
	}
	for _, f := range []struct {
		name       string
		low, high  int
		to         *int
		zeroIsNone bool
	}{
		{"iterations", 1, 1 << 20, &o.Solve.Iterations, false},
		{"modes", 1, 16, &o.Solve.Modes, true},
		{"n-images", 1, math.MaxInt32, &o.Draw, true},
		{"threads", 1, 1 << 10, &o.Solve.Threads, true},
		{"preview", 1, 1 << 20, &o.Preview, true},
	} {
		v := c.Int(f.name)
		if (v != 0 || !f.zeroIsNone || c.IsSet(f.name)) && (v < f.low || v > f.high) {
			return o, fmt.Errorf("--%s %d: want %d to %d", f.name, v, f.low, f.high)
		}
		*f.to = v
	}
	if c.Bool("no-held-out-stop") && !o.Auto {
		return o, fmt.Errorf("--no-held-out-stop: needs --fit auto")
	}
	o.Solve.PositionBound = c.Float64("position-bound")
	if b := o.Solve.PositionBound; !(b > 0 && b <= 64) {
		return o, fmt.Errorf("--position-bound %v: want a number above 0, at most 64 pixels", b)
	}
	o.Solve.Seed, o.Solve.NoLowFrequency = c.Uint64("seed"), c.Bool("no-low-frequency")
	o.Export, err = output.ParseExports(c.String("export"))
	return o, err
}

func printSolved(r solve.Report) {
	stdout.Printf("%s: %s, object of %d×%d pixels, %s of %s%s, %.0f patterns/s\n", r.OutputDir, words.Of(r.Patterns, "pattern"), r.ObjectSize[0], r.ObjectSize[1],
		words.Of(r.Iterations, "iteration"), r.Engine, map[string]string{"converged": " (converged)", "held-out": " (the residual of held-out patterns stopped falling)"}[r.Ended], r.UpdatesPerSec)
	stdout.Printf("residual R %.5f over all patterns (flat object %.5f, photon noise %.5f)\n", *r.Residual, *r.FlatResidual, *r.ExpectedResidual)
	stdout.Printf("deviance %.4g per pixel (perfect fit %.4g)\n", *r.Deviance, *r.Expected)
	if r.FRC != nil {
		stdout.Printf("FRC %.4f, mean up to half Nyquist, %s\n", *r.FRC, map[string]string{
			"halves": "between the images of the even and of the odd patterns", "reference": "with the object in the file",
		}[r.FRCOf])
	}
	if r.Choice != nil {
		stdout.Println(r.Choice)
	}
	printFiles(r.OutputDir, r.Exports)
	for _, n := range r.Notes {
		stdout.Println("note:", n)
	}
}
