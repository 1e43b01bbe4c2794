package workflow

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
)

// maxRestarts is how often a run goes on from its last checkpoint after its backend crashed.
const maxRestarts = 2

// EpochRecord is one row of the run's metrics. Deviances are per valid pixel.
type EpochRecord struct {
	Epoch              int      `json:"epoch"` // from 1
	Step               int      `json:"step"`  // of the run, at the end of the epoch
	LearningRate       float64  `json:"learning_rate"`
	Loss               float64  `json:"loss"`
	Deviance           float64  `json:"deviance"`
	ExpectedDeviance   float64  `json:"expected_deviance"`   // of Poisson counts under the model's own λ
	FlatDeviance       float64  `json:"flat_deviance"`       // of an empty object on the same patterns
	ValidationDeviance *float64 `json:"validation_deviance"` // nil without validation patterns
	GradNorm           float64  `json:"grad_norm"`           // mean over the steps, before clipping
	Contrast           float64  `json:"contrast"`            // see Look
	Response           float64  `json:"response"`
	PatternsPerSecond  float64  `json:"patterns_per_second"`
}

// position is where a run stands: what a checkpoint needs besides the backend's state.
type position struct {
	Epoch     int           `json:"epoch"` // in progress, from 0
	Step      int           `json:"step"`  // next step of that epoch
	Data      string        `json:"data"`  // fingerprint of the scan
	FlatLooks int           `json:"flat_looks"`
	Sums      sums          `json:"sums"` // of the epoch in progress
	Records   []EpochRecord `json:"records"`
}

// sums accumulates an epoch's results.
type sums struct {
	Loss     float64                `json:"loss"`
	GradNorm float64                `json:"grad_norm"`
	Steps    int                    `json:"steps"`
	Skipped  int                    `json:"skipped"`
	Patterns int                    `json:"patterns"`
	Scalars  map[string]backend.Sum `json:"scalars"`
}

func (s *sums) add(r backend.StepResult) {
	s.Loss += r.Loss
	s.GradNorm += r.GradNorm
	s.Steps++
	s.Patterns += r.Patterns
	if r.NonFinite {
		s.Skipped++
	}
	if s.Scalars == nil {
		s.Scalars = map[string]backend.Sum{}
	}
	for name, v := range r.Scalars {
		was := s.Scalars[name]
		s.Scalars[name] = backend.Sum{Sum: was.Sum + v.Sum, Count: was.Count + v.Count}
	}
}

func (s sums) mean(scalar string) float64 {
	v, ok := s.Scalars[scalar]
	if !ok {
		return math.NaN()
	}
	return v.Mean()
}

// trainer runs the plan of a run, epoch by epoch. What it must remember across a crash or a resume is in at and state.
type trainer struct {
	host     Host
	open     backend.OpenOptions
	dataset  backend.Dataset
	schedule schedule
	template backend.StepPlan // optimiser, clipping, loss weights
	epochs   int              // to do in all
	looks    []backend.Batch  // patterns that the flat-object guard looks at
	weight   []float64        // Σ|P|², [N·N]
	flat     float64          // deviance of an empty object
	validate []backend.Batch
	warmup   int // steps; the guard counts after them
	deadline time.Time

	at    position
	state backend.State
	save  func(position, backend.State) error // a checkpoint
	epoch func(EpochRecord) error             // a row of metrics
}

// ending says why a run ended before its plan.
type ending string

const (
	finished    ending = ""
	interrupted ending = "interrupted"
	outOfTime   ending = "out of time"
)

// run trains until the plan is done, the run is stopped, or it fails. A crashed backend is started again.
func (t *trainer) run(ctx context.Context) (ending, error) {
	for restarts := 0; ; restarts++ {
		why, err := t.attempt(ctx)
		if err == nil || backend.KindOf(err) != backend.Crashed || restarts == maxRestarts || ctx.Err() != nil {
			return why, err
		}
		t.host.Notice("the backend crashed: %v", err)
		t.host.Notice("starting it again from epoch %d, step %d (%d of %d restarts)", t.at.Epoch+1, t.at.Step, restarts+1, maxRestarts)
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
	id, err := session.Bind(ctx, t.dataset)
	if err != nil {
		return finished, err
	}
	for t.at.Epoch < t.epochs {
		why, err := t.runEpoch(ctx, session, id)
		if err != nil || why != finished {
			return why, err
		}
	}
	return finished, nil
}

// runEpoch does the rest of the epoch in progress. The position moves only when a state that belongs to it is in hand.
func (t *trainer) runEpoch(ctx context.Context, session backend.Session, id backend.DatasetID) (ending, error) {
	at := t.at
	at.Sums.Scalars = maps.Clone(at.Sums.Scalars)
	steps, err := t.schedule.plan(at.Epoch, at.Step)
	if err != nil {
		return finished, err
	}
	plan := t.template
	plan.Dataset, plan.Steps = id, steps

	stop, done := t.stopper(session)
	started, first := time.Now(), at.Sums.Patterns
	err = session.Step(ctx, plan, func(r backend.StepResult) error {
		at.Sums.add(r)
		at.Step++
		t.progress(at, r.Patterns)
		return nil
	})
	done()
	if err != nil {
		return finished, t.explain(err, at)
	}
	rate := float64(at.Sums.Patterns-first) / time.Since(started).Seconds()
	whole := at.Step == t.schedule.stepsPerEpoch
	if whole {
		if err := t.closeEpoch(ctx, session, id, &at, rate); err != nil {
			return finished, err
		}
	}
	state, err := session.State(ctx)
	if err != nil {
		return finished, err
	}
	t.at, t.state = at, state
	if err := t.save(at, state); err != nil {
		return finished, err
	}
	if why := ending(stop.Load().(ending)); !whole || why != finished && t.at.Epoch < t.epochs {
		return why, nil
	}
	return finished, nil
}

// closeEpoch makes the epoch's record, asks the guard, and moves the position to the next epoch.
func (t *trainer) closeEpoch(ctx context.Context, session backend.Session, id backend.DatasetID, at *position, rate float64) error {
	look, err := t.look(ctx, session, id, at.Sums.mean(arch.ExpectedDeviance))
	if err != nil {
		return err
	}
	n := float64(at.Sums.Steps)
	step := (at.Epoch + 1) * t.schedule.stepsPerEpoch
	record := EpochRecord{
		Epoch: at.Epoch + 1, Step: step, LearningRate: t.schedule.rate.At(step - 1),
		Loss: at.Sums.Loss / n, Deviance: at.Sums.mean(arch.Deviance), ExpectedDeviance: at.Sums.mean(arch.ExpectedDeviance),
		FlatDeviance: t.flat, GradNorm: at.Sums.GradNorm / n,
		Contrast: look.Contrast, Response: look.Response, PatternsPerSecond: rate,
	}
	if len(t.validate) > 0 {
		v, err := t.validation(ctx, session, id)
		if err != nil {
			return err
		}
		record.ValidationDeviance = &v
	}
	at.Records = append(slices.Clone(at.Records), record)
	at.Epoch, at.Step, at.Sums = at.Epoch+1, 0, sums{}
	if err := t.epoch(record); err != nil {
		return err
	}
	if !look.Flat {
		at.FlatLooks = 0
		return nil
	}
	t.host.Notice("epoch %d: the object is flat: %s", record.Epoch, look.Reason)
	if step <= t.warmup {
		return nil
	}
	if at.FlatLooks++; at.FlatLooks >= flatLooks {
		return failf(ExitDiverged, "train: after epoch %d the object stays flat: %s; a lower --learning-rate or another --seed may help, and ptycho inspect shows whether positions and units are read right", record.Epoch, look.Reason)
	}
	return nil
}

// look predicts a few patches and judges them.
func (t *trainer) look(ctx context.Context, session backend.Session, id backend.DatasetID, expected float64) (Look, error) {
	var patches [][]complex64
	err := session.Reconstruct(ctx, backend.ReconPlan{Dataset: id, Batches: t.looks}, func(p backend.Patches) error {
		return eachPatch(p, len(t.weight), func(_ int, patch []complex64) error {
			patches = append(patches, slices.Clone(patch))
			return nil
		})
	})
	if err != nil {
		return Look{}, err
	}
	return lookAt(patches, t.weight, t.flat, expected), nil
}

// validation is the deviance on the patterns kept apart.
func (t *trainer) validation(ctx context.Context, session backend.Session, id backend.DatasetID) (float64, error) {
	var sum backend.Sum
	err := session.Evaluate(ctx, backend.EvalPlan{Dataset: id, Batches: t.validate}, func(r backend.EvalResult) error {
		v := r.Scalars[arch.Deviance]
		sum = backend.Sum{Sum: sum.Sum + v.Sum, Count: sum.Count + v.Count}
		return nil
	})
	return sum.Mean(), err
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

// explain says what a numeric failure means for the run.
func (t *trainer) explain(err error, at position) error {
	if backend.KindOf(err) != backend.Numeric {
		return err
	}
	return fail(ExitDiverged, fmt.Errorf("train: epoch %d, step %d: %w; the checkpoint before it is kept: try a lower --learning-rate", at.Epoch+1, at.Step+1, err))
}
