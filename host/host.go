// Package host is what every run has in common: an engine that computes, a place for notices and progress, a way to be
// stopped, and what a failure means to the one who called. The runs themselves are its folders: training, inference,
// solution, evaluation, inspection, simulation and bench. They decide — batches, learning rates, checkpoints, when to stop —
// and ask a backend to compute. They print nothing: notices and progress go through Host, results are returned.
package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// Version of the program.
const Version = "0.1.0"

// Engine is a running backend.
type Engine interface {
	backend.Backend
	// Stop ends it: politely first, then by force. The end of ctx shortens the wait.
	Stop(ctx context.Context) error
}

// Meter is an Engine that knows what its process has used.
type Meter interface {
	Usage() (cpuSeconds float64, bytesNow, bytesPeak int64)
}

// Host is what a run needs from the program around it.
type Host struct {
	Start    func(ctx context.Context) (Engine, error) // a fresh process of the chosen backend
	Devices  []string                                  // that it is opened on; none: its first usable one
	Notice   func(format string, args ...any)          // one line for people
	Progress func(Progress)                            // may be called for every step
	Stop     <-chan struct{}                           // closed: finish the step, save, end
	Hurry    <-chan struct{}                           // closed: somebody waits for the end; work that has nothing to save ends at once
}

// Progress is where a long run stands.
type Progress struct {
	Phase       string // "train", "infer", "solve" or "refine"
	Epoch       int    // of a training, from 1
	Epochs      int
	Step        int // of the phase, from 1
	Steps       int
	Patterns    int     // since the last call
	Loss        float64 // running mean of the epoch
	Deviance    float64 // per pixel
	Expected    float64 // deviance per pixel of a perfect fit
	Description string  // what to show in place of epoch, step and deviance
}

// Stopping says whether the run was asked to end.
func (h Host) Stopping() bool {
	select {
	case <-h.Stop:
		return true
	default:
		return false
	}
}

// ErrStopped is the cause of a context that ended because the run was asked to end.
var ErrStopped = fmt.Errorf("the run was asked to end: %w", context.Canceled)

// Prompt is a context that ends with ctx or when somebody waits for the end of the run. It is for work that has nothing to
// save: reading, compiling, measuring.
func (h Host) Prompt(ctx context.Context) (context.Context, context.CancelFunc) {
	return until(ctx, h.Hurry)
}

// UntilStop is a context that ends with ctx or when the run was asked to end. It is for work that a stopped run leaves out.
func (h Host) UntilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	return until(ctx, h.Stop)
}

func until(ctx context.Context, stop <-chan struct{}) (context.Context, context.CancelFunc) {
	inner, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	select {
	case <-stop:
		cancel(ErrStopped)
	default:
	}
	go func() {
		select {
		case <-stop:
			cancel(ErrStopped)
		case <-done:
		}
	}()
	return inner, sync.OnceFunc(func() { close(done); cancel(context.Canceled) })
}

// Open starts the backend and opens a session with the given state on its device.
func (h Host) Open(ctx context.Context, o backend.OpenOptions, s backend.State) (Engine, backend.Session, error) {
	engine, err := h.Start(ctx)
	if err != nil {
		return nil, nil, err
	}
	o.Progress = h.compiling()
	session, err := engine.Open(ctx, o)
	if err == nil {
		err = session.SetState(ctx, s)
	}
	if err != nil {
		return nil, nil, errors.Join(err, engine.Stop(context.WithoutCancel(ctx)))
	}
	return engine, session, nil
}

// worthSaying is how many seconds of compiling a user wants to hear of.
const worthSaying = 1

// mostCompiled is how many notices about compiling a session may print. XLA compiles some ten functions.
const mostCompiled = 100

// compiling returns a function that tells the user what a backend compiles, when that takes its time.
func (h Host) compiling() func(backend.Event) {
	var told atomic.Int64
	return func(e backend.Event) {
		if e.Phase != "compile" || e.Seconds < worthSaying && (e.Seconds != 0 || e.Total != 0) {
			return
		}
		switch n := told.Add(1); {
		case n > mostCompiled+1:
		case n == mostCompiled+1:
			h.Notice("the backend has announced %d compilations; further ones are not shown", mostCompiled)
		case e.Seconds == 0:
			h.Notice("compiling %s", e.Message)
		default:
			h.Notice("compiled %s in %.1f s", e.Message, e.Seconds)
		}
	}
}

// WeightState is the state of a model without optimiser moments.
func WeightState(weights, buffers map[string]tensor.Tensor) backend.State {
	return backend.State{Slots: map[backend.Slot]map[string]tensor.Tensor{backend.Weights: weights, backend.Buffers: buffers}}
}
