// Command deviceless compiles the programs of the XLA backend for an H100 on a machine without a GPU: every program of the
// conformance suite, and the training, evaluation and prediction steps of the networks at N = 64, 128 and 256. It prints a
// table of sizes and exits with 1 if a program is refused.
//
// A PJRT library that wraps the CPU's library records the programs (pjrt/capture.c): the suite runs on the reference backend,
// and each of its calls is also made to the XLA backend, which stops after it has asked for the compilation. The programs are
// then compiled for the description of a device (pjrt/compile.c). This needs a C compiler, the CPU library (ptycho plugins
// setup xla), a CUDA PJRT library and the folder of ptxas, nvlink and libdevice. If one is missing, the command names it and
// compiles nothing.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	xla "github.com/ptychogo/ptycho/plugins/xla/backend"
	"github.com/ptychogo/ptycho/plugins/xla/library"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == xla.TrialCommand { // the backend tries a library in a separate process
		if err := xla.Trial(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	o := options{}
	flag.StringVar(&o.cuda, "library", os.Getenv(library.Variable(library.CUDA)), "CUDA PJRT library; default $PTYCHO_XLA_CUDA_LIBRARY, else the one that plugins setup installed")
	flag.StringVar(&o.data, "cuda-data", os.Getenv("CUDA_HOME"), "folder with bin/ptxas, bin/nvlink and nvvm/libdevice; default $CUDA_HOME, else nvidia/cu* in the library's site folder")
	flag.StringVar(&o.keep, "keep", "", "folder that keeps the recorded programs; default: a temporary one")
	flag.StringVar(&o.json, "json", "", "file for the results as JSON")
	flag.StringVar(&o.run, "run", "", "regular expression: only these cases of the suite")
	flag.IntVar(&o.most, "most", 0, "compile at most so many programs of the suite; 0: all")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	failed, err := run(ctx, o)
	var missing *missing
	switch {
	case errors.As(err, &missing):
		fmt.Printf("SKIP  deviceless compilation: %v\n", err)
	case err != nil:
		fmt.Fprintln(os.Stderr, "deviceless:", err)
		os.Exit(1)
	case failed > 0:
		os.Exit(1)
	}
}

type options struct {
	cuda, data, keep, json, run string
	most                        int
}

// missing is the error for a missing library, program or folder.
type missing struct{ what string }

func (m *missing) Error() string { return m.what }

func run(ctx context.Context, o options) (failed int, err error) {
	work, err := os.MkdirTemp("", "ptycho-deviceless-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(work)
	if o.keep == "" {
		o.keep = filepath.Join(work, "programs")
	}
	if err := os.MkdirAll(o.keep, 0o777); err != nil {
		return 0, err
	}
	if err := o.find(); err != nil {
		return 0, err
	}
	tools, err := build(ctx, work)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	recorded, err := record(ctx, tools.capture, o)
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(os.Stderr, "recorded %d programs in %.0f s\n", len(recorded), time.Since(began).Seconds())
	results, err := compileAll(ctx, tools.compile, o, work, recorded)
	if err != nil {
		return 0, err
	}
	failed = table(os.Stdout, results)
	if o.json == "" {
		return failed, nil
	}
	text, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return failed, err
	}
	return failed, os.WriteFile(o.json, append(text, '\n'), 0o666)
}

// find sets the options that were not given.
func (o *options) find() error {
	if o.cuda == "" {
		pin, err := library.For(library.CUDA)
		if err != nil {
			return &missing{err.Error()}
		}
		if o.cuda, err = pin.Path(); err != nil {
			return &missing{err.Error()}
		}
	}
	if _, err := os.Stat(o.cuda); err != nil {
		return &missing{fmt.Sprintf("the CUDA PJRT library was not found: name it with -library, or run %s", library.Command(library.CUDA))}
	}
	if o.data == "" {
		site := filepath.Dir(filepath.Dir(filepath.Dir(o.cuda))) // of a pip layout: SITE/jax_plugins/xla_cuda13/FILE
		for _, pattern := range []string{"nvidia/cu[0-9]*", "nvidia/cuda_nvcc"} {
			if found, _ := filepath.Glob(filepath.Join(site, pattern)); len(found) > 0 {
				o.data = found[0]
				break
			}
		}
	}
	for _, part := range []string{"bin/ptxas", "bin/nvlink", "nvvm/libdevice/libdevice.10.bc"} {
		if _, err := os.Stat(filepath.Join(o.data, part)); o.data == "" || err != nil {
			return &missing{fmt.Sprintf("%s is missing below %q: name the folder of the CUDA toolkit with -cuda-data (packages nvidia-cuda-nvcc and nvidia-nvvm)", part, o.data)}
		}
	}
	if _, err := xla.Library(library.CPU); err != nil {
		return &missing{err.Error()}
	}
	return nil
}

// tools are the two C programs.
type tools struct{ capture, compile string }

// build compiles the C programs against the header that comes with go-xla.
func build(ctx context.Context, work string) (tools, error) {
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "gcc"
	}
	if _, err := exec.LookPath(cc); err != nil {
		return tools{}, &missing{"the C compiler " + cc + " was not found"}
	}
	module, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/gomlx/go-xla").Output()
	if err != nil {
		return tools{}, fmt.Errorf("cannot find the module go-xla: %w", err)
	}
	header := "-I" + filepath.Join(strings.TrimSpace(string(module)), "pjrt")
	// GoMLX distinguishes devices by the library's name.
	t := tools{filepath.Join(work, "xla_cpu_capture.so"), filepath.Join(work, "compile")}
	for _, args := range [][]string{
		{"-O2", "-Wall", "-shared", "-fPIC", header, "-o", t.capture, "bench/deviceless/pjrt/capture.c", "-ldl", "-lpthread"},
		{"-O2", "-Wall", header, "-o", t.compile, "bench/deviceless/pjrt/compile.c", "-ldl"},
	} {
		if out, err := exec.CommandContext(ctx, cc, args...).CombinedOutput(); err != nil {
			return t, fmt.Errorf("%s: %w: %s", cc, err, out)
		}
	}
	return t, nil
}
