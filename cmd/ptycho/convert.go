package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/internal/plural"
)

func convertCommand() *cli.Command {
	return &cli.Command{
		Name: "convert", Category: scans, Usage: "write a scan as npz, as CXI or for Ptychodus, with paths, units and geometry by flags", ArgsUsage: "IN OUT",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "form of the result", DefaultText: "by the extension: .cxi is cxi, .h5 ptychodus, others npz"},
			&cli.StringFlag{Name: "format", Usage: "layout of the file, such as eiger, where its contents do not say", DefaultText: "recognised"},
			&cli.StringFlag{Name: "data-path", Usage: "path of the patterns in the file, for layouts that are not known"},
			&cli.StringFlag{Name: "y-path", Usage: "path of the positions along the rows: [FILE:]/path[:COLUMN]"},
			&cli.StringFlag{Name: "x-path", Usage: "path of the positions along the columns"},
			&cli.StringFlag{Name: "probe-path", Usage: "path of the probe: [FILE:]/path"},
			&cli.StringFlag{Name: "position-units", Usage: "unit of the positions: m, mm, um, nm, pm or A"},
			&cli.StringFlag{Name: "energy", Usage: "energy of the photons, such as 10keV"},
			&cli.StringFlag{Name: "electron-energy", Usage: "energy of the electrons, such as 300keV"},
			&cli.StringFlag{Name: "wavelength", Usage: "wavelength, such as 0.124nm"},
			&cli.StringFlag{Name: "distance", Usage: "distance from the sample to the detector, such as 1.9m"},
			&cli.StringFlag{Name: "detector-pixel-size", Usage: "side of a detector pixel, such as 75um"},
			&cli.BoolFlag{Name: "override", Usage: "let values given here replace those of the file"},
			&cli.StringFlag{Name: "positions", Usage: "changes of the positions, in this order: exchange, flip-rows, flip-columns"},
			&cli.IntFlag{Name: "crop", Usage: "side of the middle of the detector to keep (pixels)", DefaultText: "the largest square"},
			&cli.StringFlag{Name: "rows", Usage: "patterns to write, such as 0:100"},
			&cli.IntFlag{Name: "n-images", Usage: "number of patterns to draw at random", DefaultText: "all"},
			&cli.Int64Flag{Name: "seed", Usage: "seed of the draw"},
			&cli.BoolFlag{Name: "overwrite", Usage: "replace the file"},
			&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return usage(fmt.Errorf("convert: %s given, want two: ptycho convert IN OUT", plural.Of(c.NArg(), "file")))
			}
			given, err := givenBy(c)
			if err != nil {
				return usage(fmt.Errorf("convert: %w", err))
			}
			if n := c.Int("n-images"); n < 0 || c.IsSet("n-images") && n == 0 {
				return usage(fmt.Errorf("convert: --n-images %d: want at least 1", n))
			}
			r, err := dataset.Convert(c.Context, dataset.Conversion{
				From: c.Args().Get(0), To: c.Args().Get(1), Form: c.String("to"), Given: given, Rows: c.String("rows"), Draw: c.Int("n-images"), Seed: c.Int64("seed"),
				Overwrite: c.Bool("overwrite"), Flags: flagsSet(c),
			}, console(c.Context, false).Notice)
			if err != nil {
				return err
			}
			return printReport(c, r, func() {
				pixel := "object pixels of unknown size"
				if r.PixelSize > 0 {
					pixel = fmt.Sprintf("object pixels of %.5g nm", 1e9*r.PixelSize)
				}
				stdout.Printf("%s: %s of %d×%d pixels, %.4g counts each, %s\n", r.Path, plural.Of(r.Patterns, "pattern"), r.N, r.N, r.MeanCounts, pixel)
				if r.Product != "" {
					stdout.Printf("%s: probe and positions\n", r.Product)
				}
			})
		},
	}
}

// flagsSet lists the flags of the command line with their values.
func flagsSet(c *cli.Context) []string {
	var all []string
	for _, name := range c.LocalFlagNames() {
		all = append(all, fmt.Sprintf("--%s=%v", name, c.Value(name)))
	}
	slices.Sort(all)
	return all
}

// givenBy reads what the flags say of the file.
func givenBy(c *cli.Context) (acquisition.Given, error) {
	g := acquisition.Given{Format: c.String("format"), Data: c.String("data-path"), Y: c.String("y-path"), X: c.String("x-path"), Probe: c.String("probe-path"), Side: c.Int("crop"), Override: c.Bool("override")}
	if g.Side < 0 || g.Side%2 != 0 || c.IsSet("crop") && g.Side == 0 {
		return g, fmt.Errorf("--crop %d: want an even number of pixels", g.Side)
	}
	if known := acquisition.Formats(); g.Format != "" && !slices.Contains(known, g.Format) {
		return g, fmt.Errorf("--format %q: want one of %s", g.Format, strings.Join(known, ", "))
	}
	if (g.Y == "") != (g.X == "") {
		return g, fmt.Errorf("--y-path and --x-path go together")
	}
	var err error
	wavelengths := 0
	for _, q := range []struct {
		flag  string
		parse func(string) (float64, error)
		to    *float64
	}{
		{"position-units", acquisition.ParseUnit, &g.PositionUnit},
		{"wavelength", acquisition.ParseLength, &g.Wavelength},
		{"energy", photons, &g.Wavelength},
		{"electron-energy", electrons, &g.Wavelength},
		{"distance", acquisition.ParseLength, &g.Distance},
		{"detector-pixel-size", acquisition.ParseLength, &g.DetectorSize},
	} {
		if !c.IsSet(q.flag) {
			continue
		}
		if *q.to, err = q.parse(c.String(q.flag)); err != nil {
			return g, fmt.Errorf("--%s %w", q.flag, err)
		}
		if q.to == &g.Wavelength {
			wavelengths++
		}
	}
	if wavelengths > 1 {
		return g, fmt.Errorf("--wavelength, --energy and --electron-energy exclude each other")
	}
	if c.IsSet("position-units") && g.Y == "" {
		return g, fmt.Errorf("--position-units goes with --y-path and --x-path; the units of known layouts are known")
	}
	return g, dataset.ParsePositions(c.String("positions"), &g)
}

func photons(s string) (float64, error) {
	e, err := acquisition.ParseEnergy(s)
	return acquisition.PhotonWavelength(e), err
}

func electrons(s string) (float64, error) {
	e, err := acquisition.ParseEnergy(s)
	return acquisition.ElectronWavelength(e), err
}
