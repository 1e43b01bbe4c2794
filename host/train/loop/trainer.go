// Package loop trains a network: optimiser steps, validation, checkpoints, the monitored metric, and the guard against a
// network that diverges or stays flat. It does not write files; a Keeper does.
//
// It is a package of its own because training must not depend on files: it can be tested and used without any.
package loop

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/track"
)

// Trainer runs the plan of a run. At and State hold everything that must survive a crash or a resume. The caller sets both
// before Run.
type Trainer struct {
	Work
	At    Position
	State backend.State

	host     host.Host
	schedule schedule
	template backend.StepPlan // optimiser, clipping, loss weights
	watch    watch
	log      stepLog
	planned  int          // epochs of the plan
	epochs   int          // total to do
	most     int          // total steps to do, −1: no limit
	interval float64      // of validation: up to 1 a share of an epoch, above it steps
	explodes float64      // times the flat object's deviance, at which a step ends the run; 0: never
	restarts int          // of the training if the network collapses
	deadline time.Time    // zero: none
	lastStep atomic.Int64 // nanoseconds that the last step took
	stepped  atomic.Bool  // the backend has done a step since its start
}

// LookPatterns is the number of patterns that the guard against flat objects checks.
const LookPatterns = 16

// Work holds the inputs of a training besides its settings.
type Work struct {
	Open              backend.OpenOptions
	Patterns          backend.Dataset
	Groups            *scan.Grouper             // of whole steps
	ValidationData    *backend.Dataset          // data set of the validation patterns; nil: Patterns
	ValidationBatches []backend.Batch           // batches of the validation patterns; none: no validation
	Looks             []backend.Batch           // patterns that the guard against flat objects checks
	Weight            []float64                 // Σ_modes|P|², [N·N]
	Start             func(row int) []complex64 // of a pattern's object [N·N], what the network's output is added to besides 1; nil: nothing
	Flat              float64                   // deviance of an empty object, per pixel
	Loss              string                    // scalar of the program to minimise
	Keep              Keeper
	Begin             func(restarts int) (backend.State, error) // the initial state after so many restarts
	// Preview shows the object after an epoch, from 1. It may be nil.
	Preview func(ctx context.Context, session backend.Session, id backend.DatasetID, epoch, step int) error
}

// New returns the trainer of a run.
func New(cfg *config.Training, h host.Host, w Work) (*Trainer, error) {
	s, x := cfg.Settings(), cfg.Execution()
	t := &Trainer{Work: w, host: h, planned: s.MaxEpochs, epochs: s.MaxEpochs, most: x.MaxSteps, interval: s.ValCheckInterval,
		explodes: s.DivergenceFactor, restarts: s.Restarts, watch: newWatch(s, len(w.ValidationBatches) > 0), template: newTemplate(s, w.Loss)}
	var err error
	if t.schedule, err = newSchedule(s, w.Groups); err != nil {
		return nil, host.Fail(host.ExitUsage, err)
	}
	if x.MaxTime > 0 {
		t.deadline = time.Now().Add(x.MaxTime)
	}
	return t, nil
}

// Log sets the logger and the number of steps between its rows.
func (t *Trainer) Log(to track.Logger, every int) {
	t.log = stepLog{to: to, every: every, steps: t.schedule.stepsPerEpoch}
}

// Resume sets the position and the state of the trainer.
func (t *Trainer) Resume(at Position, state backend.State) {
	if at.Step > t.schedule.stepsPerEpoch || at.Step == t.schedule.stepsPerEpoch && !at.Due { // only after a forced change of the batch
		at.Epoch, at.Step, at.Sums = at.Epoch+1, 0, sums{}
	}
	t.At, t.State = at, state
}

// StopAfter ends the run after so many more epochs.
func (t *Trainer) StopAfter(epochs int) { t.epochs = min(t.epochs, t.At.Epoch+epochs) }

// Epochs returns the total number of epochs of the run.
func (t *Trainer) Epochs() int { return t.epochs }

// StepsPerEpoch returns the number of optimiser steps of an epoch.
func (t *Trainer) StepsPerEpoch() int { return t.schedule.stepsPerEpoch }

// Monitor returns the name of the metric that ranks the best checkpoints.
func (t *Trainer) Monitor() string { return t.watch.name }

// Keeper stores checkpoints and metrics.
type Keeper interface {
	// Last writes a checkpoint. It may omit an optional one.
	Last(at Position, s backend.State, optional bool) error
	// Name returns the file name of a checkpoint among the best.
	Name(step int) string
	// Best writes a checkpoint that is among the best and removes those that were dropped from the list.
	Best(k Kept, dropped []Kept, at Position, s backend.State) error
	// Epoch writes the rows of all epochs so far.
	Epoch(all []EpochRecord) error
}

// Ending is the reason why a run ended.
type Ending string

// The ways to end without an error.
const (
	Finished     Ending = "finished"
	Interrupted  Ending = "interrupted"
	OutOfTime    Ending = "out of time"
	OutOfSteps   Ending = "stopped" // by --stop-after or --max-steps
	StoppedEarly Ending = "stopped early"
)
