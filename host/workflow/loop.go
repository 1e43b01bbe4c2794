package workflow

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/bundle"
)

// maxRestarts is how often a run goes on from its last checkpoint after its backend crashed.
const maxRestarts = 2

// trainer runs the plan of a run, from validation to validation. What it must remember across a crash or a resume is in
// at and state.
type trainer struct {
	host     Host
	open     backend.OpenOptions
	dataset  backend.Dataset
	schedule schedule
	template backend.StepPlan // optimiser, clipping, loss weights
	watch    watch
	planned  int             // epochs of the plan
	epochs   int             // to do in all
	steps    int             // to do in all, −1: no limit
	interval float64         // of validation: up to 1 a share of an epoch, above it steps
	looks    []backend.Batch // patterns that the flat-object guard looks at
	weight   []float64       // Σ|P|², [N·N]
	flat     float64         // deviance of an empty object
	explodes float64         // times the flat object's deviance, at which a step ends the run; 0: never
	chances  int             // new beginnings that a network which dies is given
	validate validation      // nothing without validation patterns
	deadline time.Time
	preview  func(ctx context.Context, session backend.Session, id backend.DatasetID, epoch, step int) error // nil: none

	at    position
	state backend.State
	begin func(beginning int) (backend.State, error) // the initial state of a beginning
	save  saver
	epoch func(EpochRecord) error // a row of metrics
	log   stepLog
}

// validation is the patterns that the network is judged by: of the training scan, or of a scan of their own.
type validation struct {
	dataset *backend.Dataset // nil: that of the training
	batches []backend.Batch
}

// saver keeps what a run has reached.
type saver interface {
	// last saves where the run stands. whole says that an epoch has ended.
	last(at position, s backend.State, whole bool) error
	// best saves one of the best checkpoints and removes those that are none any more.
	best(k Kept, dropped []Kept, at position, s backend.State) error
}

// ending says why a run ended before its plan.
type ending string

const (
	finished     ending = ""
	interrupted  ending = "interrupted"
	outOfTime    ending = "out of time"
	outOfSteps   ending = "stopped"
	stoppedEarly ending = "stopped early"
)

// run trains until the plan is done, the run is stopped, or it fails. A crashed backend is started again; a network that
// dies before it has learned anything begins anew.
func (t *trainer) run(ctx context.Context) (ending, error) {
	for restarts := 0; ; {
		why, err := t.attempt(ctx)
		var dead *deadNetwork
		switch {
		case err == nil:
			return why, nil
		case errors.As(err, &dead) && !t.at.Lived && len(t.at.Beginnings) < t.chances:
			if err := t.again(dead); err != nil {
				return why, err
			}
		case backend.KindOf(err) != backend.Crashed || restarts == maxRestarts || ctx.Err() != nil:
			return why, err
		default:
			restarts++
			t.host.Notice("the backend crashed: %v", err)
			t.host.Notice("starting it again from epoch %d, step %d (%d of %d restarts)", t.at.Epoch+1, t.at.Step, restarts, maxRestarts)
		}
		if err := t.log.to.Rewind(t.at.Done); err != nil {
			return finished, err
		}
	}
}

// attempt runs from the position in one backend process.
func (t *trainer) attempt(ctx context.Context) (ending, error) {
	engine, session, err := t.host.open(ctx, t.open, t.state)
	if err != nil {
		return finished, err
	}
	defer engine.Stop(context.WithoutCancel(ctx)) //nolint:errcheck // results are in hand; the process is killed if it must be
	defer session.Close()
	train, err := session.Bind(ctx, t.dataset)
	if err != nil {
		return finished, err
	}
	judge := train
	if t.validate.dataset != nil {
		if judge, err = session.Bind(ctx, *t.validate.dataset); err != nil {
			return finished, err
		}
	}
	for t.at.Epoch < t.epochs {
		if t.steps >= 0 && t.at.Done >= t.steps {
			return outOfSteps, nil
		}
		why, err := t.stretch(ctx, session, train, judge)
		if err != nil || why != finished {
			return why, err
		}
	}
	return finished, nil
}

// boundary is the step of the epoch in progress at which something is to be done: a validation, the end of the epoch or
// of the run.
func (t *trainer) boundary() (to int, validates bool) {
	at, whole := t.at, t.schedule.stepsPerEpoch
	to = whole
	if len(t.validate.batches) > 0 {
		next := whole
		if t.interval > 1 {
			every := int(t.interval)
			next = at.Step + every - at.Done%every
		} else {
			every := max(int(math.Round(t.interval*float64(whole))), 1)
			next = at.Step + every - at.Step%every
		}
		to, validates = min(next, whole), next <= whole
	}
	if t.steps >= 0 && at.Step+t.steps-at.Done < to {
		to, validates = at.Step+t.steps-at.Done, false
	}
	return to, validates
}

// stretch does the steps up to the next boundary. The position moves only when a state that belongs to it is in hand.
func (t *trainer) stretch(ctx context.Context, session backend.Session, train, judge backend.DatasetID) (ending, error) {
	at := t.at
	at.Sums.Scalars = maps.Clone(at.Sums.Scalars)
	to, validates := t.boundary()
	steps, err := t.schedule.plan(at, to)
	if err != nil {
		return finished, err
	}
	plan := t.template
	plan.Dataset, plan.Steps = train, steps

	stop, done := t.stopper(session)
	started := time.Now()
	err = session.Step(ctx, plan, func(r backend.StepResult) error {
		rate := steps[r.Number-steps[0].Number].LearningRates[""]
		at.Sums.add(r)
		at.Step, at.Done = at.Step+1, at.Done+1
		t.progress(at, r.Patterns)
		if err := t.exploded(&at, r, rate); err != nil {
			return err
		}
		return t.log.step(at, r, rate)
	})
	done()
	if err != nil {
		return finished, t.explain(err, at)
	}
	at.Sums.Seconds += time.Since(started).Seconds()
	reached, whole := at.Step == to, at.Step == t.schedule.stepsPerEpoch
	if reached && validates {
		if err := t.judge(ctx, session, judge, &at); err != nil {
			return finished, err
		}
	}
	state, err := session.State(ctx)
	if err != nil {
		return finished, err
	}
	var early bool
	var kept *Kept
	var dropped []Kept
	if reached && (validates || whole && len(t.validate.batches) == 0) {
		kept, dropped, early = t.observe(&at)
	}
	if whole {
		if err := t.closeEpoch(ctx, session, train, &at); err != nil {
			return finished, err
		}
	}
	t.at, t.state = at, state
	if kept != nil {
		if err := t.save.best(*kept, dropped, at, state); err != nil {
			return finished, err
		}
	}
	if whole || !reached || early || t.steps >= 0 && at.Done >= t.steps {
		if err := t.save.last(at, state, whole); err != nil {
			return finished, err
		}
	}
	switch why := stop.Load().(ending); {
	case why != finished && t.at.Epoch < t.epochs:
		return why, nil
	case early && t.at.Epoch < t.epochs:
		t.host.Notice("%s has not improved on %.4g in %d observations: the run ends", t.watch.name, at.Watch.Best, at.Watch.Bad)
		return stoppedEarly, nil
	}
	return finished, nil
}

// observe shows what is watched to the early stopping, the plateau and the list of the best. A checkpoint that is among
// the best is to be kept in place of those that were dropped.
func (t *trainer) observe(at *position) (keep *Kept, dropped []Kept, early bool) {
	value := t.watch.value(*at)
	at.Watch, early = t.watch.observe(at.Watch, value)
	if t.schedule.follows() {
		at.Plateau = t.schedule.plateau.Observe(at.Plateau, value, t.schedule.rate.Peak)
	}
	k := Kept{File: bundle.BestName(int64(at.Done)), Epoch: at.Epoch + 1, Step: at.Done, Value: value}
	best, dropped := t.watch.rank(at.Best, k)
	if !slices.Contains(best, k) {
		return nil, nil, early
	}
	at.Best = best
	return &k, dropped, early
}

// closeEpoch makes the epoch's record, asks the guard, and moves the position to the next epoch.
func (t *trainer) closeEpoch(ctx context.Context, session backend.Session, id backend.DatasetID, at *position) error {
	look, err := t.look(ctx, session, id, at.Sums.mean(arch.ExpectedDeviance))
	if err != nil {
		return err
	}
	n := float64(at.Sums.Steps)
	record := EpochRecord{
		Epoch: at.Epoch + 1, Step: at.Done, LearningRate: t.schedule.at((at.Epoch+1)*t.schedule.stepsPerEpoch-1, *at),
		Loss: at.Sums.Loss / n, Deviance: at.Sums.mean(arch.Deviance), ExpectedDeviance: at.Sums.mean(arch.ExpectedDeviance),
		FlatDeviance: t.flat, GradNorm: at.Sums.GradNorm / n, ValidationDeviance: at.Validation, Waited: at.Sums.Waited,
		Contrast: look.Contrast, Response: look.Response, PatternsPerSecond: float64(at.Sums.Patterns) / at.Sums.Seconds,
	}
	at.Records = append(slices.Clone(at.Records), record)
	at.Epoch, at.Step, at.Sums, at.Validation = at.Epoch+1, 0, sums{}, nil
	if err := t.epoch(record); err != nil {
		return err
	}
	if err := t.log.epoch(*at, record); err != nil {
		return err
	}
	if t.preview != nil {
		if err := t.preview(ctx, session, id, record.Epoch, at.Done); err != nil {
			return err
		}
	}
	return t.guard(at, record, look)
}

// judge is the deviance on the validation patterns.
func (t *trainer) judge(ctx context.Context, session backend.Session, id backend.DatasetID, at *position) error {
	var sum backend.Sum
	err := session.Evaluate(ctx, backend.EvalPlan{Dataset: id, Batches: t.validate.batches, EMA: t.template.EMADecay > 0}, func(r backend.EvalResult) error {
		v := r.Scalars[arch.Deviance]
		sum = backend.Sum{Sum: sum.Sum + v.Sum, Count: sum.Count + v.Count}
		return nil
	})
	if err != nil {
		return err
	}
	v := sum.Mean()
	at.Validation = &v
	return t.log.validation(*at, v)
}

// stopper asks the session to stop when the host or the clock says so. The ending says who did; done must be called
// when the call that may be stopped has returned.
func (t *trainer) stopper(session backend.Session) (why *atomic.Value, done func()) {
	why = new(atomic.Value)
	why.Store(finished)
	returned, watcher := make(chan struct{}), make(chan struct{})
	var clock <-chan time.Time
	if !t.deadline.IsZero() {
		timer := time.NewTimer(time.Until(t.deadline))
		defer func(stop func() bool) { inner := done; done = func() { stop(); inner() } }(timer.Stop)
		clock = timer.C
	}
	go func() {
		defer close(watcher)
		select {
		case <-returned:
			return
		case <-t.host.Stop:
			why.Store(interrupted)
		case <-clock:
			why.Store(outOfTime)
		}
		_ = session.Stop(context.Background()) // a session that cannot stop runs its plan to the end
	}()
	return why, func() { close(returned); <-watcher }
}

func (t *trainer) progress(at position, patterns int) {
	if t.host.Progress == nil {
		return
	}
	t.host.Progress(Progress{
		Phase: "train", Epoch: at.Epoch + 1, Epochs: t.epochs, Step: at.Epoch*t.schedule.stepsPerEpoch + at.Step,
		Steps: t.epochs * t.schedule.stepsPerEpoch, Patterns: patterns, Loss: at.Sums.Loss / float64(at.Sums.Steps),
		Deviance: at.Sums.mean(arch.Deviance), Expected: at.Sums.mean(arch.ExpectedDeviance),
	})
}
