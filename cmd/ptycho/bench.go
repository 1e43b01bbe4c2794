package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host/bench"
)

func benchCommand() *cli.Command {
	return &cli.Command{
		Name: "bench", Category: backing,
		Usage: "measure the speed and the memory of backends",
		Flags: append(benchFlags(),
			&cli.IntSliceFlag{Name: "n", Value: cli.NewIntSlice(64, 128), Usage: "sides of a pattern, comma-separated (pixels)"},
			&cli.IntSliceFlag{Name: "batch-size", Value: cli.NewIntSlice(16, 64), Usage: "patterns of a step, comma-separated"},
			&cli.BoolFlag{Name: "memory", Usage: "print the backend's memory after each tenth of the steps"}),
		Action:      runBench,
		Subcommands: []*cli.Command{benchFeedCommand()},
	}
}

// benchFlags returns the flags shared by bench and bench feed.
func benchFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "backend", Value: "gorgonia", Usage: "one backend, or several, comma-separated"},
		pluginDirFlag(),
		deviceFlag(),
		&cli.StringFlag{Name: "arch", Value: arch.Names()[0], Usage: "architecture of the network"},
		&cli.IntFlag{Name: "gridsize", Value: 2, Usage: "a group has gridsize² patterns"},
		&cli.IntFlag{Name: "n-filters-scale", Value: 2, Usage: "width of the network"},
		&cli.IntFlag{Name: "steps", Value: 10, Usage: "steps to measure, after two steps to warm up"},
		&cli.IntFlag{Name: "threads", Value: 1, Usage: "number of threads; 0 uses all cores"},
		tf32Flag(),
		backendTimeoutFlag(),
		logLevelFlag(),
		&cli.BoolFlag{Name: "quiet", Usage: "no notices"},
		&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
	}
}

// benchExecution returns the execution settings of a backend from the flags.
func benchExecution(c *cli.Context, backend string) config.Execution {
	return config.Execution{Backend: strings.TrimSpace(backend), PluginDir: c.String("plugin-dir"), Device: c.String("device"), Threads: c.Int("threads"), LogLevel: c.String("log-level"), BackendTimeout: c.Duration("backend-timeout")}
}

// benchCase returns the measured case from the flags.
func benchCase(c *cli.Context, n, patterns int) bench.Case {
	return bench.Case{
		Model:    config.Model{Arch: c.String("arch"), N: n, Gridsize: c.Int("gridsize"), FiltersScale: c.Int("n-filters-scale")},
		Patterns: patterns, Steps: c.Int("steps"), Device: c.String("device"), Threads: c.Int("threads"), TF32: c.Bool("tf32"),
	}
}

func runBench(c *cli.Context) error {
	meter := console(c.Context, c.Bool("quiet"))
	defer meter.Done()
	var results []bench.Result
	for _, n := range c.IntSlice("n") {
		for _, patterns := range c.IntSlice("batch-size") {
			for _, name := range strings.Split(c.String("backend"), ",") {
				r, err := measure(c, meter, name, n, patterns)
				if err != nil {
					return err
				}
				results = append(results, r)
			}
		}
	}
	return printReport(c, results, func() {
		stdout.Printf("%-10s %-8s %-5s %4s %2s %6s %11s %11s %11s %12s %9s %8s %9s\n", "backend", "device", "arch", "N", "C", "batch",
			"step CPU-s", "step wall s", "patterns/s", "predicted/s", "peak MiB", "start s", "compile s")
		for _, r := range results {
			stdout.Printf("%-10s %-8s %-5s %4d %2d %6d %11.4f %11.4f %11.1f %12.1f %9.0f %8.2f %9.2f\n", r.Backend, r.Device, r.Arch, r.N, r.Gridsize*r.Gridsize, r.Patterns,
				r.StepCPUSeconds, r.StepSeconds, r.TrainPatterns, r.PredictPatterns, float64(r.PeakBytes)/(1<<20), r.StartSeconds, r.CompileSeconds)
			if c.Bool("memory") {
				for i, b := range r.MemoryBytes {
					stdout.Printf("  after %5d steps %6d MiB\n", (i+1)*max(r.Steps/10, 1), b>>20)
				}
			}
		}
	})
}

func measure(c *cli.Context, meter *progressMeter, backend string, n, patterns int) (bench.Result, error) {
	h, err := newRunHost(c.Context, meter, benchExecution(c, backend))
	if err != nil {
		return bench.Result{}, err
	}
	return bench.Run(c.Context, benchCase(c, n, patterns), h.Host)
}
