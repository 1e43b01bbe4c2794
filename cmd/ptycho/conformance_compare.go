package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/internal/words"
)

func compareReportsCommand() *cli.Command {
	return &cli.Command{
		Name: "compare", ArgsUsage: "A.json B.json",
		Usage:  "compare two reports of conformance: which cases pass in A and not in B",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print the comparison as JSON"}},
		Action: compareReports,
	}
}

func readReport(path string) (*conformance.Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, host.Fail(host.ExitData, fmt.Errorf("conformance compare: %w", err))
	}
	defer f.Close()
	r, err := conformance.ReadReport(f)
	if err != nil {
		return nil, host.Fail(host.ExitData, fmt.Errorf("conformance compare: %s: %w", path, err))
	}
	return r, nil
}

// compareReports fails if a case of A does not pass in B any more.
func compareReports(c *cli.Context) error {
	if c.NArg() != 2 {
		return usage(fmt.Errorf("conformance compare: %s, want two reports, written with --json FILE", words.Of(c.NArg(), "argument")))
	}
	before, err := readReport(c.Args().Get(0))
	if err != nil {
		return err
	}
	after, err := readReport(c.Args().Get(1))
	if err != nil {
		return err
	}
	d := conformance.Compare(before, after)
	if c.Bool("json") {
		text, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			return err
		}
		stdout.Println(string(text))
	} else {
		printDifference(d)
	}
	if len(d.Worse) > 0 {
		return host.Failf(exitNotConforming, "conformance compare: %s of %s %s not pass in %s", words.Of(len(d.Worse), "case"), c.Args().Get(0), words.Verb(len(d.Worse), "does", "do"), c.Args().Get(1))
	}
	return nil
}

func printDifference(d conformance.Difference) {
	level := func(l int) string {
		if l < 0 {
			return "no level"
		}
		return fmt.Sprintf("level %d", l)
	}
	for _, s := range []conformance.Side{d.Before, d.After} {
		stdout.Printf("%s %s (%s), %s on %s: %s, %.1f s\n", line(s.Backend), line(s.Version), line(s.Engine), line(s.DType), line(s.Device), level(s.Reached), s.Seconds)
	}
	if len(d.Without) > 0 {
		stdout.Printf("only the second is without %s\n", line(strings.Join(d.Without, ", ")))
	}
	for _, group := range []struct {
		title string
		list  []conformance.Change
	}{{"worse", d.Worse}, {"better", d.Better}, {"other", d.Other}} {
		for _, one := range group.list {
			stdout.Printf("%-7s %s: %s, then %s", group.title, line(one.Name), status(one.Before), status(one.After))
			if one.Message != "" {
				stdout.Printf(": %s", line(one.Message))
			}
			stdout.Println()
		}
	}
	for _, one := range d.Nearer {
		stdout.Printf("nearer  %s: error %.2g of its tolerance, then %.2g\n", line(one.Name), one.Before, one.After)
	}
	for _, one := range d.Slower {
		stdout.Printf("slower  %s: %.2f s, then %.2f s\n", line(one.Name), one.Before, one.After)
	}
	if len(d.Worse)+len(d.Better)+len(d.Other) == 0 {
		stdout.Println("every case has the same status")
	}
}

// line is text of a report, which may have come from a backend, on one line.
func line(s string) string {
	const most = 500
	return words.Line(s, most)
}

// status names a status of a case, or that the report does not have the case.
func status(s conformance.Status) string {
	if s == "" {
		return "missing"
	}
	return string(s)
}
