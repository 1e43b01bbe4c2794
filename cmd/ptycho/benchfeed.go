package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/host/bench"
	"github.com/ptychogo/ptycho/internal/words"
)

func benchFeedCommand() *cli.Command {
	return &cli.Command{
		Name:  "feed",
		Usage: "measure the gathering of batches and how long a step waits for a batch",
		Flags: append(benchFlags(),
			&cli.IntFlag{Name: "n", Value: 128, Usage: "side of a pattern (pixels)"},
			&cli.IntFlag{Name: "batch-size", Value: 64, Usage: "patterns of a step"},
			&cli.IntSliceFlag{Name: "num-workers", Value: cli.NewIntSlice(0, 1, 2), Usage: "workers that gather batches, comma-separated; 0 is the same as 1"},
			&cli.IntSliceFlag{Name: "prefetch-factor", Value: cli.NewIntSlice(1, 2, 4), Usage: "batches that each worker gathers ahead, comma-separated; 0: backend's choice"},
			&cli.BoolFlag{Name: "persistent-workers", Usage: "keep the workers between plans"},
			&cli.BoolFlag{Name: "pin-memory", Usage: "lock the patterns in memory"}),
		Action: runBenchFeed,
	}
}

func runBenchFeed(c *cli.Context) error {
	if c.NArg() > 0 {
		return usage(fmt.Errorf("bench feed: unknown argument %q", c.Args().First()))
	}
	meter := console(c.Context, c.Bool("quiet"))
	defer meter.Done()
	ways, err := bench.FeedWays(c.IntSlice("num-workers"), c.IntSlice("prefetch-factor"), c.Bool("persistent-workers"), c.Bool("pin-memory"))
	if err != nil {
		return err
	}
	var results []bench.FeedResult
	for _, name := range strings.Split(c.String("backend"), ",") {
		h, err := newRunHost(c.Context, meter, benchExecution(c, name))
		if err != nil {
			return err
		}
		err = bench.RunFeed(c.Context, benchCase(c, c.Int("n"), c.Int("batch-size")), ways, h.Host, func(r bench.FeedResult) {
			meter.Notice("%s: %s, prefetch factor %d: measured", r.Backend, words.Of(r.Workers, "worker"), r.PrefetchFactor)
			results = append(results, r)
		})
		if err != nil {
			return err
		}
	}
	return printReport(c, results, func() {
		stdout.Printf("%-10s %-8s %4s %2s %6s %8s %9s %5s %7s %12s %11s %11s %9s %7s\n", "backend", "device", "N", "C", "batch",
			"workers", "prefetch", "stay", "pinned", "gather ms", "patterns/s", "step ms", "wait ms", "share")
		for _, r := range results {
			stdout.Printf("%-10s %-8s %4d %2d %6d %8d %9d %5s %7s %12.3f %11.0f %11.1f %9.3f %6.2f%%\n", r.Backend, r.Device, r.N, r.Gridsize*r.Gridsize, r.Patterns,
				r.Workers, r.PrefetchFactor, yes(r.Persistent), yes(r.Pin), 1e3*r.GatherSeconds, r.GatherPatterns, 1e3*r.StepSeconds, 1e3*r.WaitedSeconds, 100*r.WaitedShare)
		}
	})
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
