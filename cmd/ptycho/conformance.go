package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/internal/words"
)

// Exit codes of conformance only.
const (
	exitNotConforming = 20
	exitInconclusive  = 21 // cases were skipped, or not all ran
)

func conformanceCommand() *cli.Command {
	return &cli.Command{
		Name: "conformance", Category: backing,
		Usage: "compare a backend with the reference, in levels from 0 to 4",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "backend", Value: "gorgonia", Usage: "name or path of the backend"},
			&cli.StringFlag{Name: "parity", Usage: "compare these backends on the same batches instead, comma-separated"},
			pluginDirFlag(),
			&cli.StringFlag{Name: "device", Value: "auto", Usage: "auto, cpu or cuda:N; with --parity also one per backend, comma-separated"},
			&cli.IntFlag{Name: "devices", Value: 1, Usage: "number of devices that share the work"},
			&cli.StringFlag{Name: "strategy", Value: "auto", Usage: "how several devices share the work"},
			&cli.StringFlag{Name: "dtype", Value: "float32", Usage: "precision of the computation"},
			tf32Flag(),
			&cli.IntFlag{Name: "level", Value: conformance.Levels - 1, Usage: "highest level to test"},
			&cli.StringFlag{Name: "run", Usage: "regular expression that selects cases by name"},
			&cli.StringFlag{Name: "skip", Usage: "regular expression that excludes cases by name"},
			&cli.BoolFlag{Name: "quick", Usage: "only short cases, which cover every operation and rule; with --parity N = 16"},
			&cli.BoolFlag{Name: "list", Usage: "print the chosen cases with their levels and rules; run none"},
			&cli.BoolFlag{Name: "fail-fast", Usage: "end with the first case that fails"},
			&cli.DurationFlag{Name: "timeout", Value: conformance.DefaultTimeout, Usage: "limit for one case, and for starting the backend"},
			&cli.DurationFlag{Name: "time-limit", Usage: "start no case after this time; 0: no limit"},
			&cli.IntFlag{Name: "threads", Value: 1, Usage: "threads of the cases that do not ask for a number themselves"},
			&cli.IntFlag{Name: "repeat", Value: 1, Usage: "times that each case runs, until it does not pass"},
			&cli.Uint64Flag{Name: "shuffle", Usage: "seed for another order of the cases"},
			&cli.StringFlag{Name: "json", Usage: "file to write the report to as JSON; - is standard output"},
			&cli.StringFlag{Name: "html", Usage: "file to write the report to as one HTML page"},
			&cli.StringFlag{Name: "junit", Usage: "file to write the report to as JUnit XML"},
			backendTimeoutFlag(),
			logLevelFlag(),
			&cli.BoolFlag{Name: "quiet", Usage: "do not print a line per case"},
		},
		Subcommands: []*cli.Command{compareReportsCommand()},
		Action:      runConformance,
	}
}

// conformanceOptions reads the flags that choose cases.
func conformanceOptions(c *cli.Context) (conformance.Options, error) {
	o := conformance.Options{Level: conformance.Level(c.Int("level")), Limit: c.Duration("time-limit"), Timeout: c.Duration("timeout"),
		Quick: c.Bool("quick"), FailFast: c.Bool("fail-fast"), Repeat: c.Int("repeat")}
	switch {
	case o.Level < 0 || o.Level >= conformance.Levels:
		return o, usage(fmt.Errorf("conformance: --level %d, want 0 to %d", o.Level, conformance.Levels-1))
	case o.Limit < 0:
		return o, usage(fmt.Errorf("conformance: --time-limit %v is negative, want a duration such as 60s, or 0 for no limit", o.Limit))
	case o.Timeout <= 0:
		return o, usage(fmt.Errorf("conformance: --timeout %v, want a duration above 0, such as 60s", o.Timeout))
	case o.Repeat < 1:
		return o, usage(fmt.Errorf("conformance: --repeat %d, want 1 or more", o.Repeat))
	case c.Int("threads") < 1:
		return o, usage(fmt.Errorf("conformance: --threads %d, want 1 or more", c.Int("threads")))
	}
	if c.IsSet("shuffle") {
		seed := c.Uint64("shuffle")
		o.Shuffle = &seed
	}
	for _, f := range []struct {
		name string
		into **regexp.Regexp
	}{{"run", &o.Run}, {"skip", &o.Skip}} {
		text := c.String(f.name)
		if text == "" {
			continue
		}
		var err error
		if *f.into, err = regexp.Compile(text); err != nil {
			return o, usage(fmt.Errorf("conformance: --%s: %w", f.name, err))
		}
	}
	if len(o.Chosen()) == 0 {
		return o, usage(fmt.Errorf("conformance: --level, --run, --skip and --quick leave no case: ptycho conformance --list prints all"))
	}
	return o, nil
}

func runConformance(c *cli.Context) error {
	options, err := conformanceOptions(c)
	if err != nil {
		return err
	}
	if c.Bool("list") {
		for _, one := range options.Chosen() {
			stdout.Printf("%d %-10s %-32s %s\n", one.Level, one.Level, one.Name, one.Rule)
		}
		return nil
	}
	meter := console(c.Context, c.Bool("quiet"))
	defer meter.Done()
	if list := c.String("parity"); list != "" {
		return runParity(c, meter, strings.Split(list, ","))
	}
	target, err := conformanceTarget(c, meter, c.String("backend"), c.String("device"))
	if err != nil {
		return err
	}
	target.Threads = c.Int("threads")
	options.Begin = func(one conformance.Case) {
		task := "case " + one.Name
		meter.task.Store(&task)
	}
	options.Report = func(r conformance.Result) {
		if r.Status == conformance.Passed {
			meter.Notice("%d %-9s %-7s %s (%.2f s)", r.Level, r.Level, r.Status, r.Name, r.Seconds)
			return
		}
		meter.Notice("%d %-9s %-7s %s: %s: %s", r.Level, r.Level, r.Status, r.Name, r.Rule, r.Message)
	}
	report, err := conformance.Check(c.Context, target, options)
	if report == nil {
		return err
	}
	if wrote := writeConformance(c, report); wrote != nil || err != nil {
		return errors.Join(err, wrote)
	}
	return conformanceOutcome(target, options, report)
}

// conformanceOutcome returns the error of a run that failed, or that proves nothing.
func conformanceOutcome(target conformance.Target, options conformance.Options, report *conformance.Report) error {
	failed, skipped := report.Sum(conformance.Failed), report.Sum(conformance.Skipped)
	switch {
	case failed > 0:
		return host.Failf(exitNotConforming, "conformance: backend %s fails %d of %s", target.Name, failed, words.Of(len(report.Results), "case"))
	case report.NotRun > 0:
		return host.Failf(exitInconclusive, "conformance: nothing failed, but %s %s not run within --time-limit %v and %s %s skipped", words.Of(report.NotRun, "case"), words.Verb(report.NotRun, "was", "were"), options.Limit,
			words.Of(skipped, "case"), words.Verb(skipped, "was", "were"))
	case skipped > 0 || !report.Complete:
		var left []string
		if skipped > 0 {
			left = append(left, fmt.Sprintf("%s %s skipped", words.Of(skipped, "case"), words.Verb(skipped, "was", "were")))
		}
		if !report.Complete {
			left = append(left, "cases were left out by --run, --skip or --quick")
		}
		return host.Failf(exitInconclusive, "conformance: nothing failed, but %s", strings.Join(left, ", and "))
	}
	return nil
}

// conformanceTarget returns a backend across the process boundary, on one of its devices.
func conformanceTarget(c *cli.Context, meter *progressMeter, name, device string) (conformance.Target, error) {
	target := conformance.Target{Name: strings.TrimSpace(name)}
	x := config.Execution{Backend: target.Name, PluginDir: c.String("plugin-dir"), Device: device, Devices: c.Int("devices"), Strategy: c.String("strategy"),
		LogLevel: c.String("log-level"), BackendTimeout: c.Duration("backend-timeout")}
	if x.Device != "auto" {
		target.TF32 = c.Bool("tf32") && x.Device != "cpu" // CPUs have no TF32, and a backend rejects the request
	}
	switch c.String("dtype") {
	case "float32":
		target.DType = tensor.Float32
	case "float64":
		target.DType = tensor.Float64
	default:
		return target, usage(fmt.Errorf("conformance: --dtype %q, want float32 or float64", c.String("dtype")))
	}
	h, err := newRunHost(c.Context, meter, x)
	if err != nil {
		return target, err
	}
	target.Start = func(ctx context.Context) (backend.Backend, func() error, error) {
		engine, err := h.Start(ctx)
		if err != nil {
			return nil, nil, err
		}
		return engine, func() error { return engine.Stop(context.WithoutCancel(ctx)) }, nil
	}
	return target, shareWork(c, x, &target)
}

// shareWork fills in the devices and the strategy that the flags ask for.
func shareWork(c *cli.Context, x config.Execution, target *conformance.Target) error {
	if x.Device != "auto" {
		target.Devices = []string{x.Device}
	}
	if x.Strategy != "auto" {
		target.Strategy = x.Strategy
	}
	if x.Devices == 1 && target.Strategy == "" {
		return nil
	}
	b, stop, err := target.Start(c.Context)
	if err != nil {
		return err
	}
	defer stop() //nolint:errcheck // it has done nothing yet
	info := b.Info()
	switch {
	case x.Devices < 1:
		return usage(fmt.Errorf("conformance: --devices %d, want 1 or more", x.Devices))
	case x.Devices > 1 && !info.Has(backend.CanDevices):
		return host.Failf(host.ExitBackend, "conformance: --devices %d: the %s backend computes on one device", x.Devices, info.Name)
	case target.Strategy != "" && !info.Has(backend.CanStrategy):
		return host.Failf(host.ExitBackend, "conformance: the %s backend does not support --strategy %s", info.Name, target.Strategy)
	}
	target.Devices, err = host.ChooseDevices(c.Context, b, x)
	return err
}

// runParity prints the matrix of differences, and writes it with --json.
func runParity(c *cli.Context, meter *progressMeter, names []string) error {
	if len(names) < 2 {
		return usage(fmt.Errorf("conformance: --parity %s names one backend, want two or more, comma-separated", names[0]))
	}
	devices := strings.Split(c.String("device"), ",")
	if len(devices) == 1 {
		devices = slices.Repeat(devices, len(names))
	}
	if len(devices) != len(names) {
		return usage(fmt.Errorf("conformance: --device %s names %d devices for %d backends, want one, or one for each", c.String("device"), len(devices), len(names)))
	}
	var targets []conformance.Target
	for i, name := range names {
		t, err := conformanceTarget(c, meter, name, strings.TrimSpace(devices[i]))
		if err != nil {
			return err
		}
		targets = append(targets, t)
	}
	compare := conformance.Parity
	if c.Bool("quick") {
		compare = conformance.QuickParity
	}
	report, err := compare(c.Context, targets)
	if err != nil {
		return err
	}
	if path := c.String("json"); path != "" {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		if path == "-" {
			stdout.Println(string(text))
		} else if err := format.WriteFile(path, append(text, '\n')); err != nil {
			return err
		}
	}
	if c.String("json") != "-" {
		for _, cell := range report.Cells {
			sign := "≤"
			if !cell.Within {
				sign = "ABOVE"
			}
			stdout.Printf("%-10s %-10s %-28s %9.2g %-5s %.2g\n", cell.A, cell.B, cell.Quantity, cell.Difference, sign, cell.Limit)
		}
	}
	if !report.Within {
		return host.Failf(exitNotConforming, "conformance: %s differ by more than the tolerances", strings.Join(names, " and "))
	}
	return nil
}

// writeConformance prints the counts, or the report with --json -, and writes the files.
func writeConformance(c *cli.Context, r *conformance.Report) error {
	for flag, write := range map[string]func(io.Writer) error{"junit": r.JUnit, "html": r.HTML} {
		path := c.String(flag)
		if path == "" {
			continue
		}
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return err
		}
		if err := format.WriteFile(path, b.Bytes()); err != nil {
			return err
		}
	}
	switch path := c.String("json"); path {
	case "-":
		return r.JSON(stdout)
	case "":
	default:
		var b bytes.Buffer
		if err := r.JSON(&b); err != nil {
			return err
		}
		if err := format.WriteFile(path, b.Bytes()); err != nil {
			return err
		}
	}
	stdout.Printf("%s %s (%s), %s\n", r.Backend, r.Version, r.Engine, r.DType)
	for _, n := range r.Counts {
		if n.Passed+n.Failed+n.Skipped+n.Excluded > 0 {
			stdout.Printf("level %d %-11s %4d passed %4d failed %4d skipped %4d excluded\n", n.Level, n.Title, n.Passed, n.Failed, n.Skipped, n.Excluded)
		}
	}
	stdout.Printf("%d of %d operations covered by cases that passed%s\n", len(r.Operations.Covered), len(r.Operations.Covered)+len(r.Operations.Left), leftOut(r.Operations.Left))
	all, compiling := r.Took()
	stdout.Printf("%.1f s, %.1f s of it compiling\n", all, compiling)
	if r.Reached >= 0 {
		stdout.Printf("reached level %d, %s%s\n", r.Reached, conformance.Level(r.Reached), without(r.Without))
	} else {
		stdout.Printf("no level reached%s\n", without(r.Without))
	}
	return nil
}

// without names what the backend does not offer.
func without(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return ", of a backend without " + strings.Join(list, ", ")
}

// leftOut names the operations without a passed case, at most eight.
func leftOut(left []program.OpKind) string {
	const most = 8
	if len(left) == 0 {
		return ""
	}
	var names []string
	for _, k := range left[:min(most, len(left))] {
		names = append(names, string(k))
	}
	if len(left) > most {
		names = append(names, "…")
	}
	return "; not covered: " + strings.Join(names, ", ")
}
