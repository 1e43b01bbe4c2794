package workflow

import (
	"context"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
)

// BenchCase is one measurement: a network, a batch and how the engine runs it.
type BenchCase struct {
	Arch     arch.Config
	Patterns int // of a batch, a multiple of gridsize²
	Steps    int // measured, after two that are not
	Device   string
	Threads  int
}

func (c BenchCase) devices() []string {
	if c.Device == "" || c.Device == "auto" {
		return nil
	}
	return []string{c.Device}
}

// BenchResult is what one case took. A number that cannot be known on this machine is 0.
type BenchResult struct {
	Backend         string  `json:"backend"`
	Engine          string  `json:"engine"`
	Device          string  `json:"device"`
	Threads         int     `json:"threads"` // 0: all cores
	Arch            string  `json:"arch"`
	N               int     `json:"n"`
	Gridsize        int     `json:"gridsize"`
	FiltersScale    int     `json:"n_filters_scale"`
	Parameters      int     `json:"parameters"`
	Patterns        int     `json:"patterns"` // of a batch
	Steps           int     `json:"steps"`
	StartSeconds    float64 `json:"start_s"`       // from nothing to a plugin that answers
	CompileSeconds  float64 `json:"compile_s"`     // of the step, as the backend says, or opening and the first step less one step
	StepSeconds     float64 `json:"step_s"`        // median, wall
	StepCPUSeconds  float64 `json:"step_cpu_s"`    // mean, of the plugin's process
	TrainPatterns   float64 `json:"train_per_s"`   // patterns/s
	PredictSeconds  float64 `json:"predict_s"`     // median of a batch, wall
	PredictPatterns float64 `json:"predict_per_s"` // patterns/s
	PeakBytes       int64   `json:"peak_bytes"`    // of the plugin's process
	MemoryBytes     []int64 `json:"memory_bytes"`  // of the same, after each tenth of the measured steps
}

// benchWarmup is how many steps come before those that are measured: the first compiles, the second fills caches.
const benchWarmup = 2

// meter reads what a process has used.
type meter interface {
	Usage() (cpuSeconds float64, bytesNow, bytesPeak int64)
}

// Bench measures a case on a simulated scan: the arithmetic of a step does not depend on what the patterns show.
func Bench(ctx context.Context, c BenchCase, host Host) (BenchResult, error) {
	var r BenchResult
	work, err := newBenchWork(ctx, &c)
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(work.spool)

	began := time.Now()
	engine, err := host.Start(ctx)
	if err != nil {
		return r, err
	}
	defer engine.Stop(context.WithoutCancel(ctx)) //nolint:errcheck // results are in hand; the process is killed if it must be
	r.StartSeconds = time.Since(began).Seconds()
	info := engine.Info()
	r.Backend, r.Engine, r.Device, r.Threads = info.Name, info.Engine, c.Device, c.Threads
	r.Arch, r.N, r.Gridsize, r.FiltersScale = work.program.Name, c.Arch.N, c.Arch.Gridsize, c.Arch.FiltersScale
	r.Parameters, r.Patterns, r.Steps = work.program.Parameters(), c.Patterns, c.Steps

	var told atomic.Uint64 // nanoseconds
	began = time.Now()
	session, err := engine.Open(ctx, backend.OpenOptions{Program: work.program, Devices: c.devices(), Threads: c.Threads, Deterministic: true, Train: true,
		Progress: func(e backend.Event) {
			if e.Phase == "compile" {
				told.Add(uint64(e.Seconds * float64(time.Second)))
			}
		}})
	if err != nil {
		return r, err
	}
	defer session.Close()
	if err := session.SetState(ctx, work.state); err != nil {
		return r, err
	}
	id, err := session.Bind(ctx, work.dataset)
	if err != nil {
		return r, err
	}
	usage := func() (float64, int64, int64) { return 0, 0, 0 }
	if m, ok := engine.(meter); ok {
		usage = m.Usage
	}
	first, err := benchSteps(ctx, session, id, work.steps[:1], nil)
	if err != nil {
		return r, err
	}
	compile := time.Since(began).Seconds()
	if _, err = benchSteps(ctx, session, id, work.steps[1:benchWarmup], nil); err != nil {
		return r, err
	}
	before, _, _ := usage()
	took, err := benchSteps(ctx, session, id, work.steps[benchWarmup:], func(done int) {
		if done%max(c.Steps/10, 1) == 0 { // a tenth of the steps, as the command says
			_, now, _ := usage()
			r.MemoryBytes = append(r.MemoryBytes, now)
		}
	})
	if err != nil {
		return r, err
	}
	after, _, _ := usage()
	r.StepCPUSeconds = (after - before) / float64(c.Steps)
	r.StepSeconds = median(took)
	r.CompileSeconds = float64(told.Load()) / float64(time.Second)
	if r.CompileSeconds == 0 {
		r.CompileSeconds = max(compile-min(r.StepSeconds, first[0]), 0)
	}
	r.TrainPatterns = float64(c.Patterns) / r.StepSeconds

	var batches []backend.Batch
	for _, s := range work.steps {
		batches = append(batches, s.Batches...)
	}
	took = took[:0]
	last := time.Now()
	err = session.Reconstruct(ctx, backend.ReconPlan{Dataset: id, Batches: batches}, func(backend.Patches) error {
		took = append(took, time.Since(last).Seconds())
		last = time.Now()
		return nil
	})
	if err != nil {
		return r, err
	}
	r.PredictSeconds = median(took[benchWarmup:])
	r.PredictPatterns = float64(c.Patterns) / r.PredictSeconds
	_, _, r.PeakBytes = usage()
	return r, nil
}

// benchWork is what a case computes.
type benchWork struct {
	*training
	state   backend.State
	dataset backend.Dataset
	steps   []backend.Step
}

// newBenchWork prepares a case as training would, and completes its settings.
func newBenchWork(ctx context.Context, c *BenchCase) (*benchWork, error) {
	a := &c.Arch
	if c.Steps < 1 {
		return nil, failf(ExitUsage, "bench: %d steps, want at least 1", c.Steps)
	}
	simulated, err := simulate.New(ctx, simulate.Options{Object: simulate.Lines, Probe: simulate.Gaussian, N: a.N, Patterns: max(c.Patterns, 64)}) // enough neighbours for any group
	if err != nil {
		return nil, fail(ExitUsage, err)
	}
	s := asScan(simulated)
	w := &benchWork{training: &training{scan: s}}
	for i := range s.Len() {
		w.train = append(w.train, i)
	}
	if w.probe, err = gaugeProbe(s.Probe, s.N, w.meanCounts()); err != nil {
		return nil, err
	}
	grouper, err := scan.NewGrouper(s.Rows, s.Cols, scan.Grouping{Gridsize: a.Gridsize, Batch: c.Patterns})
	if err != nil {
		return nil, fail(ExitUsage, err)
	}
	if a.NeedsCanvas() {
		a.Canvas = arch.CanvasFor(s.N, grouper.MaxOffset())
	}
	if w.program, err = arch.Build(*a); err != nil {
		return nil, fail(ExitUsage, err)
	}
	weights, err := arch.Initial(w.program, 0)
	if err != nil {
		return nil, err
	}
	constants, err := features(w.program, s, w.train, w.probe)
	if err != nil {
		return nil, err
	}
	w.state = weightState(weights, constants)
	for epoch := 0; len(w.steps) < benchWarmup+c.Steps; epoch++ {
		batches, err := grouper.Epoch(epoch)
		if err != nil {
			return nil, err
		}
		for _, b := range batches {
			w.steps = append(w.steps, backend.Step{
				Number: int64(len(w.steps)) + 1, Batches: []backend.Batch{{Rows: b.Rows, Offsets: b.Offsets}},
				LearningRates: map[string]float64{"": 1e-4}, // low: nothing is to be learned, and nothing to diverge
			})
		}
	}
	w.steps = w.steps[:benchWarmup+c.Steps]
	if w.spool, err = spoolDir(int64(len(s.Counts)) * bytesPerCount); err != nil {
		return nil, err
	}
	w.dataset, err = spoolDataset(w.spool, "patterns", s, w.probe, uniform(s.N, 0.01)) // the default of training.background
	return w, err
}

// benchSteps runs steps and gives the wall seconds of each. look, which may be nil, hears how many are done.
func benchSteps(ctx context.Context, s backend.Session, id backend.DatasetID, steps []backend.Step, look func(done int)) ([]float64, error) {
	var took []float64
	last := time.Now()
	err := s.Step(ctx, benchPlan(id, steps), func(backend.StepResult) error {
		took = append(took, time.Since(last).Seconds())
		if look != nil {
			look(len(took))
		}
		last = time.Now()
		return nil
	})
	return took, err
}

func benchPlan(id backend.DatasetID, steps []backend.Step) backend.StepPlan {
	return backend.StepPlan{Dataset: id, Steps: steps, LossWeights: map[string]float64{arch.Deviance: 1},
		Optimiser: backend.Optimiser{Kind: backend.Adam, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}, Clip: backend.Clip{Kind: backend.ClipNorm, Limit: 1}} // the defaults of training
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}
