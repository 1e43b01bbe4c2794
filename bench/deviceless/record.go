package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/conformance/oracle"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/bench"
	xla "github.com/ptychogo/ptycho/plugins/xla/backend"
	"github.com/ptychogo/ptycho/plugins/xla/library"
)

// onlyKey makes the recording library refuse each program after writing it. If unset, the library also compiles the program for
// the CPU: accumulated gradients need the result of one function before the next function is compiled.
const onlyKey = "PTYCHO_CAPTURE_ONLY"

// program describes a recorded program.
type program struct {
	Name  string `json:"name"` // of the first case that needs it, or of the step of a network
	Suite bool   `json:"suite"`
	path  string
}

// recorder collects the programs that the recording library writes.
type recorder struct {
	folder, keep string
	seen         map[[sha256.Size]byte]bool
	programs     []program
}

// take names the programs written since the last call. It drops programs that were recorded before.
func (r *recorder) take(name string, suite bool) error {
	files, err := filepath.Glob(filepath.Join(r.folder, "*.mlir"))
	if err != nil {
		return err
	}
	slices.Sort(files)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if err := os.Remove(f); err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		if r.seen[sum] {
			continue
		}
		r.seen[sum] = true
		path := filepath.Join(r.keep, hex.EncodeToString(sum[:8])+".mlir")
		if err := os.WriteFile(path, text, 0o666); err != nil {
			return err
		}
		r.programs = append(r.programs, program{name, suite, path})
	}
	return nil
}

// record makes the XLA backend compile every program, so that all are recorded.
func record(ctx context.Context, capture string, o options) ([]program, error) {
	cpu, err := xla.Library(library.CPU)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(o.keep, "recording-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	for name, value := range map[string]string{
		"PTYCHO_CAPTURE_LIBRARY": cpu.Path, "PTYCHO_CAPTURE_FOLDER": folder, library.Variable(library.CPU): capture, onlyKey: "1",
		"XLA_FLAGS": "--xla_backend_optimization_level=0",
	} {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	r := &recorder{folder: folder, keep: o.keep, seen: map[[sha256.Size]byte]bool{}}
	if err := r.networks(ctx); err != nil {
		return nil, err
	}
	if err := r.suite(ctx, o.run); err != nil {
		return nil, err
	}
	return r.programs, nil
}

// suite runs the conformance suite on the reference backend and repeats its calls on XLA.
func (r *recorder) suite(ctx context.Context, run string) error {
	cases := conformance.Options{Level: conformance.Reproduces}
	if run != "" {
		var err error
		if cases.Run, err = regexp.Compile(run); err != nil {
			return err
		}
	}
	var failure error
	cases.Report = func(c conformance.Result) {
		failure = errors.Join(failure, r.take(c.Name, true))
		if c.Status == conformance.Failed {
			failure = errors.Join(failure, fmt.Errorf("%s: the reference fails: %s", c.Name, c.Message))
		}
	}
	for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64} {
		target := conformance.Target{Name: "xla", DType: dtype, Start: func(context.Context) (backend.Backend, func() error, error) {
			return shadow{oracle.New(), xla.New()}, func() error { return nil }, nil
		}}
		if _, err := conformance.Check(ctx, target, cases); err != nil {
			return err
		}
	}
	return failure
}

// unlimited is a memory limit above any batch. The batches are not computed.
const unlimited = 1 << 50

// networks records the steps of training, evaluation and prediction.
func (r *recorder) networks(ctx context.Context) error {
	for _, arch := range []string{"unet", "cnn"} {
		for _, n := range []int{64, 128, 256} {
			for _, patterns := range []int{least, 64, 256, 1024} {
				if err := r.network(ctx, arch, n, patterns); err != nil {
					return fmt.Errorf("%s, N = %d, batch %d: %w", arch, n, patterns, err)
				}
			}
		}
	}
	return nil
}

func (r *recorder) network(ctx context.Context, arch string, n, patterns int) error {
	model := config.Model{Arch: arch, N: n, Gridsize: 2, FiltersScale: 2}
	if arch == "cnn" {
		model.PadObject, model.ProbeBig, model.Standardise = true, true, true
	}
	work, err := bench.Prepare(ctx, bench.Case{Model: model, Patterns: least, Steps: 1, Device: "cpu"})
	if err != nil {
		return err
	}
	defer work.Remove()
	session, id, err := work.Open(ctx, engine{xla.New()}, func(o *backend.OpenOptions) { o.MemoryLimit = unlimited })
	if err != nil {
		return err
	}
	defer session.Close()
	name := func(does string) string { return fmt.Sprintf("%s, N = %d, %s of %d", arch, n, does, patterns) }
	batches := []backend.Batch{repeat(work.Warm()[0].Batches[0], patterns/least)}
	step := work.Warm()[0]
	step.Batches = batches
	_ = session.Step(ctx, work.Plan(id, []backend.Step{step}), func(backend.StepResult) error { return nil })
	if err := r.take(name("training step"), false); err != nil {
		return err
	}
	_ = session.Evaluate(ctx, backend.EvalPlan{Dataset: id, Batches: batches}, func(backend.EvalResult) error { return nil })
	if err := r.take(name("evaluation"), false); err != nil {
		return err
	}
	_ = session.Reconstruct(ctx, backend.ReconPlan{Dataset: id, Batches: batches}, func(backend.Patches) error { return nil })
	return r.take(name("prediction"), false)
}

// least is the smallest batch. Larger batches repeat its groups, because only the size matters.
const least = 16

func repeat(b backend.Batch, times int) backend.Batch {
	return backend.Batch{Rows: slices.Repeat(b.Rows, times), Offsets: slices.Repeat(b.Offsets, times)}
}

// engine runs the backend in this process.
type engine struct{ *xla.XLA }

func (engine) Stop(context.Context) error { return nil }

var _ host.Engine = engine{}
