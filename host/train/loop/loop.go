package loop

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/internal/words"
)

// maxBackendRestarts is the number of times that a run restarts a crashed backend.
const maxBackendRestarts = 2

// Run trains until the plan is done, or the run is stopped or fails. It restarts a crashed backend from the last checkpoint,
// and the training if the network collapses before it has learned.
func (t *Trainer) Run(ctx context.Context) (Ending, error) {
	for restarts := 0; ; {
		why, err := t.attempt(ctx)
		var cause *collapse
		switch {
		case err == nil:
			return why, nil
		case ctx.Err() == nil && t.host.Stopping() && backend.KindOf(err) == backend.Cancelled:
			return t.interrupted()
		case errors.As(err, &cause) && !t.At.Lived && len(t.At.Beginnings) < t.restarts:
			if err := t.restart(cause); err != nil {
				return why, err
			}
		case backend.KindOf(err) != backend.Crashed || restarts == maxBackendRestarts || ctx.Err() != nil:
			return why, err
		default:
			restarts++
			t.host.Notice("the backend crashed: %v", err)
			t.host.Notice("restarting the backend from epoch %d, step %d (restart %d of %d)", t.At.Epoch+1, t.At.Step, restarts, maxBackendRestarts)
		}
		if err := t.log.to.Rewind(t.At.Done); err != nil {
			return Finished, err
		}
	}
}

// attempt trains from the current position in one backend process.
func (t *Trainer) attempt(ctx context.Context) (Ending, error) {
	early, done := t.host.Prompt(ctx) // during compilation there is nothing new to save
	defer done()
	engine, session, err := t.host.Open(early, t.Open, t.State)
	if err != nil {
		return Finished, err
	}
	defer engine.Stop(context.WithoutCancel(ctx)) //nolint:errcheck // the results are complete; Stop kills the process if necessary
	defer session.Close()
	t.stepped.Store(false)
	train, err := session.Bind(early, t.Patterns)
	if err != nil {
		return Finished, err
	}
	validation := train
	if t.ValidationData != nil {
		if validation, err = session.Bind(early, *t.ValidationData); err != nil {
			return Finished, err
		}
	}
	for t.At.Epoch < t.epochs {
		if t.most >= 0 && t.At.Done >= t.most && !t.At.Due {
			return OutOfSteps, nil
		}
		if t.stepped.Load() && t.host.Stopping() {
			return t.interrupted()
		}
		why, err := t.stretch(ctx, session, train, validation)
		if err != nil || why != Finished {
			return why, err
		}
	}
	return Finished, nil
}

// boundary returns the step of the current epoch at which the next validation, the end of the epoch, or the end of the run
// is due.
func (t *Trainer) boundary() (to int, validates bool) {
	at, whole := t.At, t.schedule.stepsPerEpoch
	to = whole
	if at.Due {
		to = at.Step
	}
	if len(t.ValidationBatches) > 0 {
		every, since := max(int(math.Round(t.interval*float64(whole))), 1), at.Step
		if t.interval > 1 {
			every, since = int(t.interval), at.Done
		}
		if at.Due {
			return at.Step, since%every == 0
		}
		next := at.Step + every - since%every
		to, validates = min(next, whole), next <= whole
	}
	if t.most >= 0 && at.Step+t.most-at.Done < to {
		to, validates = at.Step+t.most-at.Done, false
	}
	return to, validates
}

// stretch does the steps up to the next boundary. It moves the position only together with the matching state.
func (t *Trainer) stretch(ctx context.Context, session backend.Session, train, validation backend.DatasetID) (Ending, error) {
	at := t.At
	at.Sums.Scalars = maps.Clone(at.Sums.Scalars)
	to, validates := t.boundary()
	steps, err := t.schedule.plan(at, to)
	if err != nil {
		return Finished, err
	}
	stopped, err := t.steps(ctx, session, train, steps, &at)
	if err != nil {
		return Finished, err
	}
	reached := at.Step == to
	at.Due = false
	if reached && validates {
		whole, err := t.validate(ctx, session, validation, &at)
		if err != nil {
			return Finished, t.explain(err, at)
		}
		if !whole {
			stopped, reached, at.Due = Interrupted, false, true
		}
	}
	whole := reached && at.Step == t.schedule.stepsPerEpoch
	state, err := session.State(ctx)
	if err != nil {
		return Finished, t.explain(err, at)
	}
	var early bool
	var kept *Kept
	var dropped []Kept
	if reached && (validates || whole && len(t.ValidationBatches) == 0) {
		kept, dropped, early = t.observe(&at)
	}
	if whole {
		if err := t.closeEpoch(ctx, session, train, &at); err != nil {
			return Finished, t.explain(err, at)
		}
	}
	t.At, t.State = at, state
	if kept != nil {
		if err := t.Keep.Best(*kept, dropped, at, state); err != nil {
			return Finished, err
		}
	}
	if whole || !reached || early || t.most >= 0 && at.Done >= t.most {
		if err := t.Keep.Last(at, state, whole && at.Epoch != t.epochs); err != nil {
			return Finished, err
		}
	}
	switch {
	case stopped != Finished && t.At.Epoch < t.epochs:
		return stopped, nil
	case early && t.At.Epoch < t.epochs:
		t.host.Notice("%s has not improved on %.4g in %s: stopping early", t.watch.name, at.Watch.Best, words.Of(at.Watch.Bad, "validation"))
		return StoppedEarly, nil
	}
	return Finished, nil
}

// steps lets the backend do steps of the current epoch and advances at. A stop is not an error: at is then before the last
// step.
func (t *Trainer) steps(ctx context.Context, session backend.Session, train backend.DatasetID, steps []backend.Step, at *Position) (Ending, error) {
	plan := t.template
	plan.Dataset, plan.Steps = train, steps
	if len(steps) == 0 { // only the work due at this boundary remains
		return Finished, nil
	}
	started := time.Now()
	last := started
	why, err := t.stoppable(ctx, session, "step", func(ctx context.Context) error {
		return session.Step(ctx, plan, func(r backend.StepResult) error {
			t.stepped.Store(true)
			t.lastStep.Store(int64(time.Since(last)))
			last = time.Now()
			rate := steps[r.Number-steps[0].Number].LearningRates[""]
			at.Sums.add(r)
			at.Step, at.Done = at.Step+1, at.Done+1
			t.progress(*at, r.Patterns)
			if err := t.exploded(at, r, rate); err != nil {
				return err
			}
			return t.log.step(*at, r, rate)
		})
	})
	if err != nil {
		next := *at
		next.Done++
		return Finished, t.explain(err, next)
	}
	at.Sums.Seconds += time.Since(started).Seconds()
	return why, nil
}

// observe passes the monitored value to early stopping, the plateau schedule and the list of best checkpoints. A checkpoint
// in keep must be written, and those in dropped removed.
func (t *Trainer) observe(at *Position) (keep *Kept, dropped []Kept, early bool) {
	value := t.watch.value(*at)
	at.Watch, early = t.watch.observe(at.Watch, value)
	if t.schedule.follows() {
		at.Plateau = t.schedule.plateau.Observe(at.Plateau, value, t.schedule.rate.Peak)
	}
	k := Kept{File: t.Keep.Name(at.Done), Epoch: at.Epoch + 1, Step: at.Done, Value: value}
	best, dropped := t.watch.rank(at.Best, k)
	if !slices.Contains(best, k) {
		return nil, nil, early
	}
	at.Best = best
	return &k, dropped, early
}

// closeEpoch writes the epoch's record, runs the guard, and moves the position to the next epoch.
func (t *Trainer) closeEpoch(ctx context.Context, session backend.Session, id backend.DatasetID, at *Position) error {
	look, err := t.look(ctx, session, id, at.Sums.mean(arch.ExpectedDeviance))
	if err != nil {
		return err
	}
	n := float64(at.Sums.Steps)
	record := EpochRecord{
		Epoch: at.Epoch + 1, Step: at.Done, LearningRate: t.schedule.at((at.Epoch+1)*t.schedule.stepsPerEpoch-1, *at),
		Loss: at.Sums.Loss / n, Deviance: at.Sums.mean(arch.Deviance), ExpectedDeviance: at.Sums.mean(arch.ExpectedDeviance),
		FlatDeviance: t.Flat, GradNorm: at.Sums.GradNorm / n, ValidationDeviance: at.Validation, Waited: at.Sums.Waited,
		Contrast: look.Contrast, Response: look.Response, PatternsPerSecond: float64(at.Sums.Patterns) / at.Sums.Seconds,
	}
	at.Records = append(slices.Clone(at.Records), record)
	at.Epoch, at.Step, at.Sums, at.Validation = at.Epoch+1, 0, sums{}, nil
	if err := t.Keep.Epoch(at.Records); err != nil {
		return err
	}
	if err := t.log.epoch(*at, record); err != nil {
		return err
	}
	if t.Preview != nil {
		early, done := t.host.Prompt(ctx)
		defer done()
		if err := t.Preview(early, session, id, record.Epoch, at.Done); err != nil && (ctx.Err() != nil || !t.host.Stopping()) {
			return err // an interrupted preview is omitted
		}
	}
	return t.guard(at, record, look)
}

// validate computes the deviance on the validation patterns. whole is false if the run was asked to stop before the last batch.
func (t *Trainer) validate(ctx context.Context, session backend.Session, id backend.DatasetID, at *Position) (whole bool, err error) {
	var sum backend.Sum
	var seen int
	why, err := t.stoppable(ctx, session, "validation", func(ctx context.Context) error {
		return session.Evaluate(ctx, backend.EvalPlan{Dataset: id, Batches: t.ValidationBatches, EMA: t.template.EMADecay > 0}, func(r backend.EvalResult) error {
			seen++
			v := r.Scalars[arch.Deviance]
			sum = backend.Sum{Sum: sum.Sum + v.Sum, Count: sum.Count + v.Count}
			return nil
		})
	})
	if err != nil {
		return false, err
	}
	if why == Interrupted && seen < len(t.ValidationBatches) {
		return false, nil
	}
	v := sum.Mean()
	at.Validation = &v
	return true, t.log.validation(*at, v)
}

func (t *Trainer) progress(at Position, patterns int) {
	if t.host.Progress == nil {
		return
	}
	t.host.Progress(host.Progress{
		Phase: "train", Epoch: at.Epoch + 1, Epochs: t.epochs, Step: at.Epoch*t.schedule.stepsPerEpoch + at.Step,
		Steps: t.epochs * t.schedule.stepsPerEpoch, Patterns: patterns, Loss: at.Sums.Loss / float64(at.Sums.Steps),
		Deviance: at.Sums.mean(arch.Deviance), Expected: at.Sums.mean(arch.ExpectedDeviance),
	})
}
