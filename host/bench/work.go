package bench

import (
	"context"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/model"
)

// Case is one measurement: a network, a batch size and the execution settings.
type Case struct {
	Model    config.Model
	Patterns int // of a batch, a multiple of gridsize²
	Steps    int // measured, after two steps to warm up
	Device   string
	Threads  int
	TF32     bool // allow products of reduced precision
}

func (c Case) devices() []string {
	if c.Device == "" || c.Device == "auto" {
		return nil
	}
	return []string{c.Device}
}

// warmup is the number of steps before the measured steps: the first compiles, the second fills caches.
const warmup = 2

// Work holds the inputs of a case.
type Work struct {
	*dataset.Spool
	Model   *model.Model
	Case    Case
	Steps   []backend.Step // the first ones warm up
	state   backend.State
	dataset backend.Dataset
}

// Prepare prepares a case like a training. The caller must call Remove.
func Prepare(ctx context.Context, c Case) (*Work, error) {
	if c.Steps < 1 {
		return nil, host.Failf(host.ExitUsage, "bench: --steps %d: want at least 1", c.Steps)
	}
	simulated, err := simulate.New(ctx, simulate.Options{Object: simulate.Lines, Probe: simulate.Gaussian, N: c.Model.N, Patterns: max(c.Patterns, 64)}) // enough neighbours for any group
	if err != nil {
		return nil, host.Fail(host.ExitUsage, err)
	}
	s := simulated.AsRead()
	rows, total := make([]int, s.Len()), 0.0
	for i := range rows {
		rows[i] = i
	}
	for _, k := range s.Counts {
		total += float64(k)
	}
	probe, err := model.NewProbe(s.Probe, s.N, total/float64(s.Len()))
	if err != nil {
		return nil, err
	}
	grouper, err := scan.NewGrouper(s.Rows, s.Cols, scan.Grouping{Gridsize: c.Model.Gridsize, Batch: c.Patterns})
	if err != nil {
		return nil, host.Fail(host.ExitUsage, err)
	}
	w := &Work{Case: c}
	const background = 0.01 // the default of training.background
	if w.Model, err = model.New(c.Model, probe, background, false, nil, func() (float64, error) { return grouper.MaxOffset(), nil }); err != nil {
		return nil, err
	}
	if w.state, err = w.Model.Begin(0, s, rows); err != nil {
		return nil, err
	}
	if w.Steps, err = plan(grouper, warmup+c.Steps); err != nil {
		return nil, err
	}
	w.Spool = dataset.NewSpool()
	if w.dataset, err = w.Add(ctx, s, probe, model.Uniform(s.N, background)); err != nil {
		w.Remove()
		return nil, err
	}
	return w, nil
}

// plan returns n steps of the groups, from as many epochs as necessary.
func plan(grouper *scan.Grouper, n int) ([]backend.Step, error) {
	var steps []backend.Step
	for epoch := 0; len(steps) < n; epoch++ {
		batches, err := grouper.Epoch(epoch)
		if err != nil {
			return nil, err
		}
		for _, b := range batches {
			steps = append(steps, backend.Step{
				Number: int64(len(steps)) + 1, Batches: []backend.Batch{{Rows: b.Rows, Offsets: b.Offsets}},
				LearningRates: map[string]float64{"": 1e-4}, // low, so that nothing diverges
			})
		}
	}
	return steps[:n], nil
}

// Open opens a session with the work's state and patterns. more, which may be nil, changes the options.
func (w *Work) Open(ctx context.Context, engine host.Engine, more func(*backend.OpenOptions)) (backend.Session, backend.DatasetID, error) {
	o := backend.OpenOptions{Program: w.Model.Program, Devices: w.Case.devices(), Threads: w.Case.Threads, Deterministic: true, Train: true, TF32: w.Case.TF32}
	if more != nil {
		more(&o)
	}
	session, err := engine.Open(ctx, o)
	if err != nil {
		return nil, "", err
	}
	var id backend.DatasetID
	if err = session.SetState(ctx, w.state); err == nil {
		id, err = session.Bind(ctx, w.dataset)
	}
	if err != nil {
		_ = session.Close() // the first error is returned
		return nil, "", err
	}
	return session, id, nil
}

// batches returns the batches of all steps.
func (w *Work) batches() []backend.Batch {
	var batches []backend.Batch
	for _, s := range w.Steps {
		batches = append(batches, s.Batches...)
	}
	return batches
}

// Warm returns the steps to warm up.
func (w *Work) Warm() []backend.Step { return w.Steps[:warmup] }

// measured returns the measured steps.
func (w *Work) measured() []backend.Step { return w.Steps[warmup:] }

// Plan returns a plan of steps with the defaults of training.
func (w *Work) Plan(id backend.DatasetID, steps []backend.Step) backend.StepPlan {
	loss, _ := w.Model.Config.LossScalar() // the program was built from this configuration
	return backend.StepPlan{Dataset: id, Steps: steps, LossWeights: map[string]float64{loss: 1},
		Optimiser: backend.Optimiser{Kind: backend.Adam, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}, Clip: backend.Clip{Kind: backend.ClipNorm, Limit: 1}} // the defaults of training
}

// train runs steps and returns the wall seconds of each. look, which may be nil, is called with the number of steps done.
func (w *Work) train(ctx context.Context, s backend.Session, id backend.DatasetID, steps []backend.Step, look func(done int)) ([]float64, error) {
	var took []float64
	last := time.Now()
	err := s.Step(ctx, w.Plan(id, steps), func(backend.StepResult) error {
		took = append(took, time.Since(last).Seconds())
		if look != nil {
			look(len(took))
		}
		last = time.Now()
		return nil
	})
	return took, err
}
