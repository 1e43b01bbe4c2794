package workflow

import (
	"context"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host/rundir"
)

// Plan is what a run would do and take. Seconds and bytes are measured on a few steps of the run itself, on this machine.
type Plan struct {
	OutputDir       string  `json:"output_dir"`
	Patterns        int     `json:"patterns"`
	Validation      int     `json:"validation_patterns"`
	N               int     `json:"n"` // side of a pattern, pixels
	Parameters      int     `json:"parameters"`
	Epochs          int     `json:"epochs"`
	StepsPerEpoch   int     `json:"steps_per_epoch"`
	Steps           int     `json:"steps"`
	StepSeconds     float64 `json:"step_s"`           // of a training step, or of a batch that is predicted
	Seconds         float64 `json:"seconds"`          // of the run, without validation and previews
	BackendBytes    int64   `json:"backend_bytes"`    // largest memory of the backend's process; 0: not known here
	SpoolBytes      int64   `json:"spool_bytes"`      // patterns that the backend maps
	CheckpointBytes int64   `json:"checkpoint_bytes"` // of one checkpoint
}

// trialSteps are the steps that a dry run measures, after one that compiles and fills caches.
const trialSteps = 3

// PlanTraining measures what a training run would take and leaves nothing behind.
func PlanTraining(ctx context.Context, cfg *config.Training, host Host) (Plan, error) {
	run := &training{cfg: cfg, host: host}
	defer run.close()
	s, x := cfg.Settings(), cfg.Execution()
	plan := Plan{OutputDir: x.Output(s.OutputDir), N: cfg.Model().N}
	if x.Resume == "" {
		if err := rundir.Check(plan.OutputDir, x.Overwrite); err != nil {
			return plan, fail(ExitUsage, err)
		}
	}
	err := run.read(ctx)
	if err == nil {
		run.background = uniform(run.scan.N, s.Background)
		err = run.build()
	}
	if err == nil {
		err = run.bindData()
	}
	if err != nil {
		return plan, err
	}
	t := run.trainer
	if t.state, err = run.beginning(0); err != nil {
		return plan, err
	}
	plan.Patterns, plan.Validation, plan.Parameters = len(run.train), len(run.validation), run.program.Parameters()
	if run.test != nil {
		plan.Validation = run.test.Len()
	}
	plan.Epochs, plan.StepsPerEpoch = s.MaxEpochs, t.schedule.stepsPerEpoch
	plan.Steps = plan.Epochs * plan.StepsPerEpoch
	if x.MaxSteps >= 0 {
		plan.Steps = min(plan.Steps, x.MaxSteps)
	}
	plan.SpoolBytes = int64(len(run.scan.Counts)) * bytesPerCount
	plan.CheckpointBytes = stateBytes(s, plan.Parameters)
	if plan.StepSeconds, plan.BackendBytes, err = t.trial(ctx); err != nil {
		return plan, err
	}
	plan.Seconds = plan.StepSeconds * float64(plan.Steps)
	return plan, nil
}

// stateBytes is the size of a state: weights, the optimiser's moments, the moving average.
func stateBytes(s config.TrainingSettings, parameters int) int64 {
	arrays := int64(1)
	switch {
	case s.Optimizer != string(backend.SGD):
		arrays += 2
	case s.Momentum > 0:
		arrays++
	}
	if s.EMADecay > 0 {
		arrays++
	}
	return arrays * int64(parameters) * bytesPerCount
}

// trial runs the first steps of the plan and forgets them.
func (t *trainer) trial(ctx context.Context) (seconds float64, bytes int64, err error) {
	engine, session, err := t.host.open(ctx, t.open, t.state)
	if err != nil {
		return 0, 0, err
	}
	defer engine.Stop(context.WithoutCancel(ctx)) //nolint:errcheck // nothing of it is kept
	defer session.Close()
	plan := t.template
	if plan.Dataset, err = session.Bind(ctx, t.dataset); err != nil {
		return 0, 0, err
	}
	steps, err := t.schedule.plan(position{}, 1+trialSteps)
	if err != nil {
		return 0, 0, err
	}
	plan.Steps = steps
	var began time.Time
	err = session.Step(ctx, plan, func(r backend.StepResult) error {
		if r.Number == 1 {
			began = time.Now()
		}
		return nil
	})
	if measured := len(steps) - 1; measured > 0 {
		seconds = time.Since(began).Seconds() / float64(measured)
	}
	if m, ok := engine.(meter); ok {
		_, _, bytes = m.Usage()
	}
	return seconds, bytes, err
}

// PlanInference measures what a reconstruction would take and leaves nothing behind.
func PlanInference(ctx context.Context, cfg *config.Inference, host Host) (Plan, error) {
	s, x := cfg.Settings(), cfg.Execution()
	plan := Plan{OutputDir: x.Output(s.OutputDir)}
	if err := rundir.Check(plan.OutputDir, x.Overwrite); err != nil {
		return plan, fail(ExitUsage, err)
	}
	model, err := bundle.Read(s.ModelPath)
	if err != nil {
		return plan, fail(ExitData, err)
	}
	data, err := readTest(cfg, model, host)
	if err != nil {
		return plan, err
	}
	plan.Patterns, plan.N, plan.Epochs = data.Len(), data.N, 1
	plan.StepsPerEpoch = (data.Len() + s.InferenceBatchSize - 1) / s.InferenceBatchSize
	plan.Steps = plan.StepsPerEpoch
	plan.SpoolBytes = int64(len(data.Counts)) * bytesPerCount
	for _, w := range model.Weights {
		plan.Parameters += w.Len()
	}
	rows := make([]int, min(data.Len(), trialSteps*s.InferenceBatchSize))
	for i := range rows {
		rows[i] = i
	}
	few, err := data.Select(rows)
	if err != nil {
		return plan, err
	}
	pr := probe{Modes: model.Probe, N: model.N, Count: model.Modes, Factor: model.ProbeFactor}
	began := time.Now()
	predicted, err := predict(ctx, host, model, few, pr, s, x)
	if err != nil {
		return plan, err
	}
	predicted.close()
	plan.StepSeconds = time.Since(began).Seconds() * float64(s.InferenceBatchSize) / float64(len(rows))
	plan.Seconds = plan.StepSeconds * float64(plan.Steps)
	return plan, nil
}
