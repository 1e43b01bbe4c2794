package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/evaluate"
	"github.com/ptychogo/ptycho/internal/words"
)

func evaluateCommand() *cli.Command {
	return &cli.Command{
		Name: "evaluate", Category: scans,
		Usage: "compare a reconstruction with a reference image and with the patterns", Description: aboutMetrics(),
		Flags: append(scanFlags(),
			&cli.StringFlag{Name: "reconstruction", Usage: "file with the image, as infer writes it (required)"},
			&cli.StringFlag{Name: "reference", Usage: "file with the true or another program's image, and perhaps patterns (required)"},
			&cli.StringFlag{Name: "data", Usage: "file with the patterns for R", DefaultText: "the reference"},
			&cli.StringFlag{Name: "rows", Usage: "patterns for R and the box, such as split=1"},
			unitsFlag(),
			layoutFlag(),
			&cli.IntFlag{Name: "threads", Usage: "threads; the result does not depend on their number", DefaultText: "all cores"},
			&cli.StringFlag{Name: "box", Usage: "first and last row, first and last column to compare", DefaultText: "the box of the scan positions"},
			&cli.BoolFlag{Name: "ramp", Usage: "also remove a linear phase ramp, not only the global phase"},
			highCompressionFlag(),
			&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
			&cli.BoolFlag{Name: "quiet", Usage: "no notices"},
		),
		Action: func(c *cli.Context) error {
			if err := required(c, "reconstruction", "reference"); err != nil {
				return err
			}
			box, err := parseBox(c.String("box"))
			if err != nil {
				return usage(err)
			}
			given, err := scanOf(c)
			if err != nil {
				return usage(err)
			}
			threads := c.Int("threads")
			if c.IsSet("threads") && (threads < 1 || threads > 1<<10) {
				return usage(fmt.Errorf("--threads %d: want 1 to %d", threads, 1<<10))
			}
			meter := console(c.Context, c.Bool("quiet"))
			report, err := evaluate.Run(c.Context, evaluate.Options{
				Reconstruction: c.String("reconstruction"), Reference: c.String("reference"), Rows: c.String("rows"),
				Data: c.String("data"), Scan: given, Threads: threads,
				Units: c.String("diffraction-units"), Layout: c.String("diffraction-layout"), Box: box, Ramp: c.Bool("ramp"), HighCompression: c.Bool(highCompression),
			}, host.Host{Notice: meter.Notice})
			if err != nil {
				return err
			}
			return printReport(c, report, func() { printEvaluation(report) })
		},
	}
}

func parseBox(text string) (*metrics.Box, error) {
	if text == "" {
		return nil, nil
	}
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	var v [4]float64
	for i := range v {
		var err error
		if len(parts) != 4 {
			err = strconv.ErrSyntax
		} else {
			v[i], err = strconv.ParseFloat(parts[i], 64)
		}
		if err != nil {
			return nil, fmt.Errorf("--box %s: want four numbers: y0 y1 x0 x1", text)
		}
	}
	return &metrics.Box{Y0: v[0], Y1: v[1], X0: v[2], X1: v[3]}, nil
}

// aboutMetrics returns a list of the printed metrics, with a line for each.
func aboutMetrics() string {
	lines := []string{"Prints:\n"}
	for _, m := range metrics.Table() {
		name := strings.TrimSpace(m.Name)
		if m.Unit != "" {
			name += " (" + m.Unit + ")"
		}
		lines = append(lines, "- "+name+": "+m.Doc)
	}
	return strings.Join(lines, "\n")
}

func printEvaluation(r evaluate.Report) {
	stdout.Printf("compared on %v (%d×%d pixels)\n", r.Box, r.Height, r.Width)
	stdout.Printf("%-34s %12s", "", "as is")
	scores := []metrics.Scores{r.Raw}
	if r.Registered != nil {
		stdout.Printf(" %12s", "registered")
		scores = append(scores, r.Registered.Scores)
	}
	stdout.Println()
	for _, m := range metrics.Table() {
		name := m.Name
		if m.Unit != "" {
			name += ", " + m.Unit
		}
		stdout.Printf("%-34s", name)
		for _, s := range scores {
			stdout.Printf(" %12.4f", m.Of(s))
		}
		stdout.Println()
	}
	if r.Registered != nil {
		stdout.Printf("shift found: %.3f rows, %.3f columns", r.Registered.Shift[0], r.Registered.Shift[1])
		if r.Registered.AtLimit() {
			stdout.Printf(": the images lie %g pixels apart, or more, and do not match; a reference has its pixel (0, 0) at the position of its array origin, or at (0, 0)", r.Registered.Limit)
		}
		stdout.Println()
	}
	if r.Residual != nil {
		stdout.Printf("residual R %.5f over %s", *r.Residual, words.Of(r.Patterns, "pattern"))
		if r.ReferenceR != nil && r.FlatResidual != nil {
			stdout.Printf(" (flat object %.5f, photon noise %.5f, reference %.5f)", *r.FlatResidual, *r.Expected, *r.ReferenceR)
		}
		stdout.Println()
	}
}
