//go:build linux

// Command gputrial tests a backend of ptycho, XLA or Gorgonia, on a GPU that is available for minutes. It runs from the folder
// that make gpu-bundle builds, on a machine without Go. It needs an NVIDIA driver, for XLA a Python with jax (for its CUDA library),
// and for the comparison a Python with torch. It runs its stages with the most valuable first. Each has a time limit, and all together have
// one. If a stage fails or hangs, the next one still runs. After every row it writes result.json and table.md into the output
// folder, so that a kill loses nothing. docs/gpu.md explains each row.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Exit codes.
const (
	exitFailed = 1 // a stage failed or did not finish
	exitUsage  = 2
)

// options are the flags.
type options struct {
	backend                      string
	output, bundle, work, python string
	cpu, quick                   bool
	only                         []string
	sizes, batches               []int
	steps, patterns              int
	limit                        time.Duration
}

// The backends under trial.
const (
	xla      = "xla"
	gorgonia = "gorgonia"
)

// side is the side of the patterns of scans, in pixels: the smallest of the trial.
func (o options) side() int { return slices.Min(o.sizes) }

// device returns ptycho's name of the device under trial.
func (o options) device() string {
	if o.cpu {
		return "cpu"
	}
	return "cuda:0"
}

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gpu-trial:", err)
		os.Exit(exitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t, err := newTrial(o, stages)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gpu-trial:", err)
		os.Exit(exitFailed)
	}
	code := t.run(ctx)
	t.close()
	os.Exit(code)
}

// parse reads the flags. The defaults depend on the device: a CPU gets one small size.
func parse(args []string) (options, error) {
	var o options
	var only, sizes, batches string
	f := flag.NewFlagSet("gpu-trial", flag.ContinueOnError)
	f.StringVar(&o.backend, "backend", xla, "backend under trial: "+xla+" or "+gorgonia)
	f.StringVar(&o.output, "output-dir", "", "folder for result.json and table.md; required")
	f.StringVar(&o.bundle, "bundle", "", "folder with the programs and unet_step.py; default: the folder of this program")
	f.StringVar(&o.work, "work", "", "parent of the temporary folder for scans and models; default: $TMPDIR, else /tmp")
	f.StringVar(&o.python, "python", "", "a Python with jax and torch; default: the first of python3 and python that has one of them")
	f.BoolVar(&o.cpu, "cpu", false, "use the CPU in place of the GPU")
	f.BoolVar(&o.quick, "quick", false, "short selections of conformance and parity, for a driver that runs kernels on the CPU")
	f.StringVar(&only, "only", "", "stages to run, separated by commas: "+strings.Join(stageNames(), ", "))
	f.StringVar(&sizes, "sizes", "", "sides of a pattern in pixels, separated by commas (default 64,128,256; with --cpu 64)")
	f.StringVar(&batches, "batches", "", "patterns of a step, multiples of 4, separated by commas (default 64,256,1024; with --cpu 16)")
	f.IntVar(&o.steps, "steps", 0, "measured steps of each case (default 20; with --cpu 3)")
	f.IntVar(&o.patterns, "patterns", 0, "patterns of the inference (default 10000; with --cpu 500)")
	f.DurationVar(&o.limit, "limit", defaultLimit, "time for all stages together; the limits of the stages scale with it")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q", f.Arg(0))
	}
	if o.output == "" {
		return o, errors.New("--output-dir is missing: name a folder for result.json and table.md")
	}
	if o.backend != xla && o.backend != gorgonia {
		return o, fmt.Errorf("--backend: unknown backend %q, want %s or %s", o.backend, xla, gorgonia)
	}
	if o.limit < minLimit {
		return o, fmt.Errorf("--limit %v is too short, want at least %v", o.limit, minLimit)
	}
	if only != "" {
		o.only = strings.Split(only, ",")
	}
	for _, name := range o.only {
		if !slices.Contains(stageNames(), name) {
			return o, fmt.Errorf("--only: unknown stage %q, want some of %s", name, strings.Join(stageNames(), ", "))
		}
	}
	return o, o.complete(sizes, batches)
}

// complete sets the defaults and checks the numbers.
func (o *options) complete(sizes, batches string) (err error) {
	given := func(text, gpu, cpu string) string {
		switch {
		case text != "":
			return text
		case o.cpu:
			return cpu
		}
		return gpu
	}
	if o.sizes, err = numbers("--sizes", given(sizes, "64,128,256", "64"), 16); err != nil {
		return err
	}
	if o.batches, err = numbers("--batches", given(batches, "64,256,1024", "16"), 4); err != nil { // groups have 4 patterns
		return err
	}
	if o.steps == 0 {
		o.steps, _ = strconv.Atoi(given("", "20", "3"))
	}
	if o.patterns == 0 {
		o.patterns, _ = strconv.Atoi(given("", "10000", "500"))
	}
	if o.steps < 1 || o.patterns < 1 {
		return fmt.Errorf("--steps %d and --patterns %d must be at least 1", o.steps, o.patterns)
	}
	if o.bundle == "" {
		exe, err := os.Executable()
		if err != nil {
			return err
		}
		o.bundle = filepath.Dir(exe)
	}
	o.output, err = filepath.Abs(o.output)
	return err
}

// numbers parses positive multiples of a number, separated by commas.
func numbers(name, text string, of int) ([]int, error) {
	var out []int
	for _, word := range strings.Split(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < of || n%of != 0 {
			return nil, fmt.Errorf("%s %s: %q is not a positive multiple of %d", name, text, word, of)
		}
		out = append(out, n)
	}
	return out, nil
}
