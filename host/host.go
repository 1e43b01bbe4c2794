// Package host holds the common parts of all runs: the backend that computes, notices and progress, stopping, and exit codes.
// The runs are in the folders train, infer, solve, evaluate, inspect and bench. They decide on batches, learning rates, checkpoints and stopping, and ask a backend to compute. They print nothing: notices and progress
// go through Host, and results are returned.
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

// Version is the version of the program.
const Version = "0.1.0"

// Engine is a running backend.
type Engine interface {
	backend.Backend
	// Stop asks the backend to end, then kills it. The end of ctx shortens the wait.
	Stop(ctx context.Context) error
}

// Meter is an Engine that reports the resources used by its process.
type Meter interface {
	Usage() (cpuSeconds float64, bytesNow, bytesPeak int64)
}

// Host holds what a run needs from the calling program.
type Host struct {
	Start    func(ctx context.Context) (Engine, error) // a fresh process of the chosen backend
	Devices  []string                                  // devices of the sessions; empty: the first usable one
	Notice   func(format string, args ...any)          // one line for people
	Progress func(Progress)                            // may be called for every step
	Stop     <-chan struct{}                           // closed: finish the step, save, stop
	Hurry    <-chan struct{}                           // closed: the user waits; work that has nothing to save stops at once
}

// Progress describes how far a long run is.
type Progress struct {
	Phase       string // "read", "train", "infer", "synchronise", "stitch", "cut", "solve", "refine" or "choose" and a fit
	Epoch       int    // of a training, from 1
	Epochs      int
	Step        int     // of the phase, from 1
	Steps       int     // 0: not known
	Patterns    int     // since the last call
	Loss        float64 // running mean of the epoch
	Deviance    float64 // per pixel
	Expected    float64 // deviance per pixel of a perfect fit
	Description string  // shown in place of epoch, step and deviance
}

// Stopping reports whether the run was asked to stop.
func (h Host) Stopping() bool {
	select {
	case <-h.Stop:
		return true
	default:
		return false
	}
}

// ErrStopped is the cause of a context that ended because the run was asked to stop.
var ErrStopped = fmt.Errorf("the run was asked to stop: %w", context.Canceled)

// Prompt returns a context that ends with ctx or when Hurry is closed. It is for work that has nothing to save: reading,
// compiling, measuring.
func (h Host) Prompt(ctx context.Context) (context.Context, context.CancelFunc) {
	return until(ctx, h.Hurry)
}

// UntilStop returns a context that ends with ctx or when Stop is closed. It is for work that a stopped run omits.
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
	o.Progress = h.announce()
	session, err := engine.Open(ctx, o)
	if err == nil {
		err = session.SetState(ctx, s)
	}
	if err != nil {
		return nil, nil, errors.Join(err, engine.Stop(context.WithoutCancel(ctx)))
	}
	return engine, session, nil
}

// longCompile is the time, in seconds, from which a compilation is announced.
const longCompile = 1

// mostCompiled limits the notices about compiling in a session. XLA compiles about ten functions.
const mostCompiled = 100

// announce returns a function that announces long compilations of a backend, and a device that it could not use.
func (h Host) announce() func(backend.Event) {
	var notices atomic.Int64
	var device atomic.Bool
	return func(e backend.Event) {
		if e.Phase == "device" && device.CompareAndSwap(false, true) {
			h.Notice("%s", e.Message)
		}
		if e.Phase != "compile" || e.Seconds < longCompile && (e.Seconds != 0 || e.Total != 0) {
			return
		}
		switch n := notices.Add(1); {
		case n > mostCompiled+1:
		case n == mostCompiled+1:
			h.Notice("the backend has announced %d compilations; further notices are not shown", mostCompiled)
		case e.Seconds == 0:
			h.Notice("compiling %s", e.Message)
		default:
			h.Notice("compiled %s in %.1f s", e.Message, e.Seconds)
		}
	}
}

// WeightState returns the state of a model without optimiser moments.
func WeightState(weights, buffers map[string]tensor.Tensor) backend.State {
	return backend.State{Slots: map[backend.Slot]map[string]tensor.Tensor{backend.Weights: weights, backend.Buffers: buffers}}
}
