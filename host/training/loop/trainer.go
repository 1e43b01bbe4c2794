// Package loop trains: steps from boundary to boundary, validation, checkpoints, what is watched, and the guard against a
// network that diverges or stays flat. It knows no files; a Keeper keeps what it reaches.
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

// Trainer runs the plan of a run, from validation to validation. What it must remember across a crash or a resume is in
// At and State, which are set before it runs.
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
	epochs   int          // to do in all
	most     int          // steps to do in all, −1: no limit
	interval float64      // of validation: up to 1 a share of an epoch, above it steps
	explodes float64      // times the flat object's deviance, at which a step ends the run; 0: never
	chances  int          // new beginnings that a network which dies is given
	deadline time.Time    // zero: none
	lastStep atomic.Int64 // nanoseconds that the last step took
	stepped  atomic.Bool  // the backend has done a step since it was started
}

// LookPatterns is how many patterns the guard against flat objects looks at.
const LookPatterns = 16

// Work is what a training has to do, beside what its settings say.
type Work struct {
	Open     backend.OpenOptions
	Patterns backend.Dataset
	Groups   *scan.Grouper    // of whole steps
	Judges   *backend.Dataset // holds the patterns that validate; nil: Patterns does
	Judged   []backend.Batch  // they, in batches; none: no validation
	Looks    []backend.Batch  // patterns that the guard against flat objects looks at
	Weight   []float64        // Σ_modes|P|², [N·N]
	Flat     float64          // deviance of an empty object, per pixel
	Loss     string           // scalar of the program that is minimised
	Keep     Keeper
	Begin    func(beginning int) (backend.State, error) // the initial state of a beginning, from 0
	// Preview shows the object after an epoch, from 1; nil: none.
	Preview func(ctx context.Context, session backend.Session, id backend.DatasetID, epoch, step int) error
}

// New makes the trainer of a run.
func New(cfg *config.Training, h host.Host, w Work) (*Trainer, error) {
	s, x := cfg.Settings(), cfg.Execution()
	t := &Trainer{Work: w, host: h, planned: s.MaxEpochs, epochs: s.MaxEpochs, most: x.MaxSteps, interval: s.ValCheckInterval,
		explodes: s.DivergenceFactor, chances: s.Restarts, watch: newWatch(s, len(w.Judged) > 0), template: newTemplate(s, w.Loss)}
	var err error
	if t.schedule, err = newSchedule(s, w.Groups); err != nil {
		return nil, host.Fail(host.ExitUsage, err)
	}
	if x.MaxTime > 0 {
		t.deadline = time.Now().Add(x.MaxTime)
	}
	return t, nil
}

// Log has the trainer tell a logger of every so many steps.
func (t *Trainer) Log(to track.Logger, every int) {
	t.log = stepLog{to: to, every: every, steps: t.schedule.stepsPerEpoch}
}

// Resume puts the trainer where a run stands.
func (t *Trainer) Resume(at Position, state backend.State) {
	if at.Step > t.schedule.stepsPerEpoch || at.Step == t.schedule.stepsPerEpoch && !at.Due { // only after a forced change of the batch
		at.Epoch, at.Step, at.Sums = at.Epoch+1, 0, sums{}
	}
	t.At, t.State = at, state
}

// StopAfter ends the run so many epochs after where it stands.
func (t *Trainer) StopAfter(epochs int) { t.epochs = min(t.epochs, t.At.Epoch+epochs) }

// Epochs is how many the run does in all.
func (t *Trainer) Epochs() int { return t.epochs }

// StepsPerEpoch is the number of optimiser steps of an epoch.
func (t *Trainer) StepsPerEpoch() int { return t.schedule.stepsPerEpoch }

// Monitor is the name of the value that the best checkpoints are ranked by.
func (t *Trainer) Monitor() string { return t.watch.name }

// Keeper keeps what a run has reached.
type Keeper interface {
	// Last saves where the run stands. It may leave the checkpoint of an epoch out when optional says so.
	Last(at Position, s backend.State, optional bool) error
	// Name is the file of a checkpoint that is among the best.
	Name(step int) string
	// Best saves it and removes those that are among them no more.
	Best(k Kept, dropped []Kept, at Position, s backend.State) error
	// Epoch writes the rows of all epochs so far.
	Epoch(all []EpochRecord) error
}

// Ending says why a run ended.
type Ending string

// The ways to end without an error.
const (
	Finished     Ending = "finished"
	Interrupted  Ending = "interrupted"
	OutOfTime    Ending = "out of time"
	OutOfSteps   Ending = "stopped" // by --stop-after or --max-steps
	StoppedEarly Ending = "stopped early"
)
