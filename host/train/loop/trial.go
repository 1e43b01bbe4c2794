package loop

import (
	"context"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host"
)

// bytesPerValue is the size of a float32.
const bytesPerValue = 4

// StateBytes returns the size of a state: weights, the optimiser's moments, the moving average.
func StateBytes(s config.TrainingSettings, parameters int) int64 {
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
	return arrays * int64(parameters) * bytesPerValue
}

// Trial measures the first steps of the plan and discards their results.
func (t *Trainer) Trial(ctx context.Context) (seconds float64, bytes int64, err error) {
	engine, session, err := t.host.Open(ctx, t.Open, t.State)
	if err != nil {
		return 0, 0, err
	}
	defer engine.Stop(context.WithoutCancel(ctx)) //nolint:errcheck // no results are kept
	defer session.Close()
	plan := t.template
	if plan.Dataset, err = session.Bind(ctx, t.Patterns); err != nil {
		return 0, 0, err
	}
	steps, err := t.schedule.plan(Position{}, 1+host.TrialSteps)
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
	if m, ok := engine.(host.Meter); ok {
		_, _, bytes = m.Usage()
	}
	return seconds, bytes, err
}
