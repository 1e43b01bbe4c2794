package train

import (
	"context"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/train/loop"
)

// Plan measures the time and memory that a training run would take, and writes nothing.
func Plan(ctx context.Context, cfg *config.Training, h host.Host) (host.Plan, error) {
	run := &training{cfg: cfg, host: h}
	defer run.close()
	s, x := cfg.Settings(), cfg.Execution()
	plan := host.Plan{OutputDir: x.Output(s.OutputDir), N: cfg.Model().N}
	if x.Resume == "" {
		if err := checkFolder(cfg, h); err != nil {
			return plan, err
		}
	}
	err := run.read(ctx)
	if err == nil {
		err = run.plan(ctx)
	}
	if err != nil {
		return plan, err
	}
	t := run.trainer
	if t.State, err = run.begin(0); err != nil {
		return plan, err
	}
	plan.Patterns, plan.Validation, plan.Parameters = len(run.inputs.Train), run.inputs.ValidationPatterns(), run.model.Parameters()
	plan.Epochs, plan.StepsPerEpoch = s.MaxEpochs, t.StepsPerEpoch()
	plan.Steps = plan.Epochs * plan.StepsPerEpoch
	if x.MaxSteps >= 0 {
		plan.Steps = min(plan.Steps, x.MaxSteps)
	}
	plan.SpoolBytes = run.inputs.Bytes()
	plan.CheckpointBytes = loop.StateBytes(s, plan.Parameters)
	if plan.StepSeconds, plan.BackendBytes, err = t.Trial(ctx); err != nil {
		return plan, err
	}
	plan.Seconds = plan.StepSeconds * float64(plan.Steps)
	return plan, nil
}
