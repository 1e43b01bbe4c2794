package bent

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/infer"
	"github.com/ptychogo/ptycho/host/train"
	"github.com/ptychogo/ptycho/internal/fixture"
	gorgonia "github.com/ptychogo/ptycho/plugins/gorgonia/backend"
	"github.com/ptychogo/ptycho/sdk"
)

var (
	count  = flag.Int("bent", 300, "runs against corrupted answers")
	within = flag.Duration("bent-within", 10*time.Second, "time after which no further run starts")
	first  = flag.Uint64("bent-first", 1, "seed of the first run")
	table  = flag.Bool("bent-table", false, "print the corruptions and how the runs ended")
)

// limit bounds the time of one run; a run takes a tenth of a second on an idle machine.
const limit = 60 * time.Second

// pluginName is the name of the backend after the interceptor.
const pluginName = "gorgonia"

// connect serves a backend and corrupts its answers.
func (w world) connect(ctx context.Context, b *Bender) (*Engine, error) {
	of := w.backend
	if of == nil {
		of = gorgonia.New()
	}
	return Connect(ctx, of, b.Options()...)
}

// world holds the files that all runs share.
type world struct {
	scan, model string
	backend     backend.Backend // of all runs; nil: a new Gorgonia for each
}

func newWorld(t testing.TB) world {
	t.Helper()
	dir := t.TempDir()
	w := world{scan: filepath.Join(dir, "scan.npz"), model: filepath.Join(dir, "model")}
	_, err := dataset.Simulate(t.Context(), simulate.Options{Seed: 1, Object: simulate.Lines, Probe: simulate.Disk, N: 16, Height: 40, Patterns: 24, Photons: 1e4}, w.scan, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.train(t.Context(), New(0, 0), w.model); err != nil {
		t.Fatal(err)
	}
	return w
}

// environment returns the host of a command with a backend whose answers are corrupted.
func (w world) environment(ctx context.Context, b *Bender) (host.Host, func(), error) {
	var all []*Engine
	h := host.Host{Notice: func(format string, args ...any) {
		if s := fmt.Sprintf(format, args...); strings.ContainsAny(s, "\x1b\x00\u202e") {
			panic(fmt.Sprintf("a notice is not printable: %.100q", s))
		}
	}, Stop: make(chan struct{})}
	h.Start = func(ctx context.Context) (host.Engine, error) {
		e, err := w.connect(ctx, b)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
		return e, nil
	}
	end := func() {
		for _, e := range all {
			e.end()
		}
	}
	e, err := h.Start(ctx)
	if err == nil {
		h.Devices, err = host.ChooseDevices(ctx, e, config.Execution{Device: "auto", Devices: 1})
	}
	return h, end, err
}

func (w world) train(ctx context.Context, b *Bender, out string) error {
	h, end, err := w.environment(ctx, b)
	defer end()
	if err != nil {
		return err
	}
	cfg, err := config.NewTraining(config.Flags(config.Train, map[string]string{
		"train-data-file": w.scan, "output-dir": out, "no-check-geometry": "true", "max-epochs": "2", "threads": "1", "n-filters-scale": "1",
		"val-split": "0.2", "batch-size": "8", "neighbor-count": "6", "logger": "csv", "preview-every": "1", "restarts": "1", "ema-decay": "0.9",
	}), config.Data(w.scan, map[string]any{"model.n": 16}))
	if err != nil {
		return err
	}
	_, err = train.Run(ctx, cfg, h)
	return err
}

func (w world) infer(ctx context.Context, b *Bender, out string) error {
	h, end, err := w.environment(ctx, b)
	defer end()
	if err != nil {
		return err
	}
	m, err := bundle.Read(w.model)
	if err != nil {
		return err
	}
	cfg, err := config.NewInference(config.Flags(config.Infer, map[string]string{
		"model-path": w.model, "test-data": w.scan, "output-dir": out, "threads": "1", "inference-batch-size": "8", "trust-data": "true"}), config.Data(w.model, map[string]any{"model.n": m.N}))
	if err != nil {
		return err
	}
	_, err = infer.Run(ctx, cfg, h)
	return err
}

// quick selects cases of the suite that take a tenth of a second each and include every kind of answer.
var quick = conformance.Options{Level: conformance.Computes, Run: regexp.MustCompile(`^(info|devices|state/round-trip|refuses/(state|dataset)|not-finite|evaluate|reconstruct|operation/add)$`)}

func (w world) conformance(ctx context.Context, b *Bender, _ string) error {
	report, err := conformance.Check(ctx, conformance.Target{Name: pluginName, Start: func(ctx context.Context) (backend.Backend, func() error, error) {
		e, err := w.connect(ctx, b)
		if err != nil {
			return nil, nil, err
		}
		return e, func() error { return e.Stop(ctx) }, nil
	}}, quick)
	if report != nil {
		for _, r := range report.Results {
			if strings.HasPrefix(r.Message, "panic:") || strings.ContainsAny(r.Message, "\x1b\x00\u202e") {
				panic(fmt.Sprintf("%s: %.300q", r.Name, r.Message))
			}
		}
	}
	return err
}

func (w world) doctor(ctx context.Context, b *Bender, _ string) error {
	_, end, err := w.environment(ctx, b)
	defer end()
	if err != nil {
		return err
	}
	e, err := w.connect(ctx, b)
	if err != nil {
		return err
	}
	defer e.end()
	sdk.Findings(ctx, e)
	_, err = e.Devices(ctx)
	return err
}

// outcome is the result of one run.
type outcome struct {
	command string
	seed    uint64
	changes []Change
	code    int
	err     error
	faults  []string // broken guarantees
}

// run runs one command against answers corrupted with a seed.
func (w world) run(parent context.Context, dir string, seed uint64) (o outcome) {
	random := rand.New(rand.NewPCG(seed, 2))
	commands := []struct {
		name string
		run  func(context.Context, *Bender, string) error
	}{{"train", w.train}, {"infer", w.infer}, {"conformance", w.conformance}, {"doctor", w.doctor}}
	c := commands[[]int{0, 0, 0, 0, 1, 1, 1, 2, 3, 3}[random.IntN(10)]]
	b := New(seed, []float64{0.5, 0.1, 0.03, 0.01}[random.IntN(4)])
	out := filepath.Join(dir, fmt.Sprint(seed))
	defer os.RemoveAll(out)
	o.command, o.seed = c.name, seed
	ctx, cancel := context.WithTimeout(parent, limit)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				stack := make([]byte, 4<<10)
				done <- fmt.Errorf("panic: %v\n%s", r, stack[:runtime.Stack(stack, false)])
			}
		}()
		done <- c.run(ctx, b, out)
	}()
	select {
	case o.err = <-done:
	case <-time.After(limit + 10*time.Second):
		o.err = errors.New("panic: the command did not end")
	}
	o.changes, o.code = b.Changes(), host.ExitCode(o.err)
	o.faults = w.check(o, ctx.Err() != nil, out)
	return o
}

// check lists the guarantees that a run has broken.
func (w world) check(o outcome, hung bool, out string) (faults []string) {
	text := fmt.Sprint(o.err)
	switch {
	case hung:
		faults = append(faults, "it hung")
	case strings.HasPrefix(text, "panic:"):
		faults = append(faults, "it panicked")
	case o.err != nil && len(o.changes) == 0:
		faults = append(faults, "it failed although no answer was corrupted")
	case o.err != nil && !slices.Contains([]int{host.ExitBackend, host.ExitDevice, host.ExitCrashed, host.ExitDiverged}, o.code):
		faults = append(faults, fmt.Sprintf("exit code %d", o.code))
	case o.err != nil && o.code != host.ExitDiverged && !strings.Contains(text, "backend ") && !strings.Contains(text, "plugin "):
		faults = append(faults, "the error does not name the plugin")
	}
	if strings.ContainsAny(text, "\x1b\x00\u202e\a") || len(text) > 4<<10 {
		faults = append(faults, "the error is not printable or too long")
	}
	return append(faults, w.left(o, out)...)
}

// left checks the files that a run has left.
func (w world) left(o outcome, out string) (faults []string) {
	_ = filepath.WalkDir(out, func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".npz") {
			if found := odd(path); found != "" {
				faults = append(faults, filepath.Base(path)+": "+found)
			}
		}
		return nil
	})
	if o.err != nil {
		return faults
	}
	switch o.command {
	case "train":
		if _, err := bundle.Read(out); err != nil {
			faults = append(faults, fmt.Sprintf("the model cannot be read: %v", err))
		}
	case "infer":
		if _, err := os.Stat(filepath.Join(out, "reconstruction.npz")); err != nil {
			faults = append(faults, "the image is missing")
		}
	}
	return faults
}

// odd finds an array that is not finite.
func odd(path string) string {
	z, err := npz.Open(path)
	if err != nil {
		return err.Error()
	}
	defer z.Close()
	for _, a := range z.Arrays() {
		t, err := z.Tensor(a.Name)
		if err != nil {
			continue // text
		}
		if !finite(t) {
			return a.Name + " is not finite"
		}
	}
	return ""
}

// TestHost_SurvivesBentAnswers runs the commands against answers with corruptions in any field.
func TestHost_SurvivesBentAnswers(t *testing.T) {
	runs, within := *count, *within
	switch {
	case testing.Short():
		runs = min(runs, 20)
	case !fixture.All():
		runs, within = min(runs, 80), min(within, 4*time.Second)
	}
	newWorld(t).survive(t, runs, within)
}

// survive runs commands with corrupted answers and reports the guarantees that they break.
func (w world) survive(t *testing.T, runs int, within time.Duration) {
	t.Helper()
	dir, began := t.TempDir(), time.Now()
	var all []outcome
	var mu sync.Mutex
	var wg sync.WaitGroup
	seeds := make(chan uint64)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := range seeds {
				o := w.run(t.Context(), dir, seed)
				mu.Lock()
				all = append(all, o)
				mu.Unlock()
			}
		})
	}
	for i := range runs {
		if time.Since(began) > within {
			t.Logf("%d of %d runs after %v", i, runs, within)
			break
		}
		seeds <- *first + uint64(i)
	}
	close(seeds)
	wg.Wait()
	bent := 0
	for _, o := range all {
		if len(o.changes) > 0 {
			bent++
		}
		for _, f := range o.faults {
			t.Errorf("%s, seed %d, changes %v: %s: exit code %d: %.600q", o.command, o.seed, o.changes[:min(len(o.changes), 8)], f, o.code, fmt.Sprint(o.err))
		}
	}
	if len(all) < 10 || bent < len(all)/4 {
		t.Errorf("%d of %d runs had corrupted answers", bent, len(all))
	}
	t.Logf("%d runs, %d with corrupted answers, in %v", len(all), bent, time.Since(began).Round(time.Second))
	if *table {
		report(all)
	}
}
