package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/config"
	faults "github.com/ptychogo/ptycho/core/examine"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/internal/words"
)

func convertCommand() *cli.Command {
	return &cli.Command{
		Name: "convert", Category: scans, Usage: "write a scan as npz, CXI, or for Ptychodus or ptypy, with paths, units and geometry by flags", ArgsUsage: "IN OUT",
		Flags: append(append(scanFlags(), flagsOfRows(config.ExamineRows()[:1])...), // --examine: convert repairs nothing
			&cli.StringFlag{Name: "to", Usage: "form of the result", DefaultText: "by the extension: .cxi cxi, .h5 ptychodus, .ptyd ptyd, others npz"},
			&cli.StringFlag{Name: "rows", Usage: "patterns to write, such as 0:100"},
			unitsFlag(),
			layoutFlag(),
			highCompressionFlag(),
			&cli.IntFlag{Name: "n-images", Usage: "number of patterns to draw at random", DefaultText: "all"},
			&cli.Int64Flag{Name: "seed", Usage: "seed of the draw"},
			&cli.BoolFlag{Name: "overwrite", Usage: "replace the file"},
			&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
		),
		Action: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return usage(fmt.Errorf("convert: %s given, want two: ptycho convert IN OUT", words.Of(c.NArg(), "file")))
			}
			if c.Args().Get(0) == "" || c.Args().Get(1) == "" {
				return usage(errors.New("convert: the name of a file is empty: ptycho convert IN OUT"))
			}
			given, err := scanOf(c)
			if err != nil {
				return usage(fmt.Errorf("convert: %w", err))
			}
			if n := c.Int("n-images"); n < 0 || c.IsSet("n-images") && n == 0 {
				return usage(fmt.Errorf("convert: --n-images %d: want at least 1", n))
			}
			meter := console(c.Context, false)
			conversion := dataset.Conversion{
				From: c.Args().Get(0), To: c.Args().Get(1), Form: c.String("to"), Scan: given, Rows: c.String("rows"), Draw: c.Int("n-images"), Seed: c.Int64("seed"),
				Overwrite: c.Bool("overwrite"), Flags: flagsSet(c), Units: c.String("diffraction-units"), Layout: c.String("diffraction-layout"), HighCompression: c.Bool(highCompression),
			}
			r, err := dataset.Convert(c.Context, conversion, meter.Notice)
			if err != nil {
				return err
			}
			report := examined{Converted: r}
			if given.Examine != "off" {
				if report.Findings, err = findings(c.Context, conversion, meter.Notice); err != nil {
					return err
				}
			}
			return printReport(c, report, func() {
				pixel := "object pixels of unknown size"
				if r.PixelSize > 0 {
					pixel = fmt.Sprintf("object pixels of %.5g nm", 1e9*r.PixelSize)
				}
				stdout.Printf("%s: %s of %d×%d pixels, %.4g counts each, %s\n", r.Path, words.Of(r.Patterns, "pattern"), r.N, r.N, r.MeanCounts, pixel)
				switch {
				case r.Product != "" && r.Probe:
					stdout.Printf("%s: probe and positions\n", r.Product)
				case r.Product != "":
					stdout.Printf("%s: positions\n", r.Product)
				}
			})
		},
	}
}

// examined is the report of a conversion with the findings of the scan; nil: not examined.
type examined struct {
	dataset.Converted
	Findings []faults.Finding `json:"findings"`
}

// findings examines the scan of a conversion that is complete: an error of the examination is only a notice.
func findings(ctx context.Context, of dataset.Conversion, notice func(string, ...any)) ([]faults.Finding, error) {
	found, err := of.Findings(ctx)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		notice("the scan was not examined: %v", err)
		return nil, nil
	}
	for _, f := range found {
		notice("%s: %s: %s", f.Severity, f.ID, f.Advice())
	}
	return found, nil
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
