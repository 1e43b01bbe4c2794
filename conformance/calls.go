package conformance

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// calls are the calls of the backend that are running, for the message of a case that does not end.
type calls struct {
	mu      sync.Mutex
	running []string
	crashed string // the first call that failed because the process had ended
}

// begin notes a call and returns a function that notes its end and its error.
func (c *calls) begin(name string) func(*error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = append(c.running, name)
	return func(err *error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if i := slices.Index(c.running, name); i >= 0 {
			c.running = slices.Delete(c.running, i, i+1)
		}
		if c.crashed == "" && backend.KindOf(*err) == backend.Crashed {
			c.crashed = name
		}
	}
}

// during returns " in Step", the call within which it was made last, or "" if no call is running.
func (c *calls) during() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.running) == 0 {
		return ""
	}
	last := slices.Clone(c.running)
	slices.Reverse(last)
	return " in " + strings.Join(last, " during ")
}

// ended returns "Step: " if the process ended in that call, or "".
func (c *calls) ended() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.crashed == "" {
		return ""
	}
	return c.crashed + ": "
}

// watch returns the backend with its calls noted. A process stays one.
func (c *calls) watch(b backend.Backend) backend.Backend {
	if c == nil {
		return b
	}
	if p, ok := b.(Process); ok {
		return watchedProcess{p, c}
	}
	return watched{b, c}
}

type watched struct {
	backend.Backend
	calls *calls
}

func (w watched) Devices(ctx context.Context) (list []backend.Device, err error) {
	defer w.calls.begin("Devices")(&err)
	return w.Backend.Devices(ctx)
}

func (w watched) Open(ctx context.Context, o backend.OpenOptions) (s backend.Session, err error) {
	defer w.calls.begin("Open")(&err)
	s, err = w.Backend.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	if i, ok := s.(backend.Inspector); ok {
		return watchedInspector{watchedSession{s, w.calls}, i}, nil
	}
	return watchedSession{s, w.calls}, nil
}

type watchedProcess struct {
	Process
	calls *calls
}

func (w watchedProcess) Devices(ctx context.Context) ([]backend.Device, error) {
	return watched{w.Process, w.calls}.Devices(ctx)
}

func (w watchedProcess) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	return watched{w.Process, w.calls}.Open(ctx, o)
}

type watchedSession struct {
	backend.Session
	calls *calls
}

func (w watchedSession) SetState(ctx context.Context, st backend.State) (err error) {
	defer w.calls.begin("SetState")(&err)
	return w.Session.SetState(ctx, st)
}

func (w watchedSession) State(ctx context.Context) (st backend.State, err error) {
	defer w.calls.begin("State")(&err)
	return w.Session.State(ctx)
}

func (w watchedSession) Bind(ctx context.Context, d backend.Dataset) (id backend.DatasetID, err error) {
	defer w.calls.begin("Bind")(&err)
	return w.Session.Bind(ctx, d)
}

func (w watchedSession) Step(ctx context.Context, p backend.StepPlan, emit func(backend.StepResult) error) (err error) {
	defer w.calls.begin("Step")(&err)
	return w.Session.Step(ctx, p, emit)
}

func (w watchedSession) Evaluate(ctx context.Context, p backend.EvalPlan, emit func(backend.EvalResult) error) (err error) {
	defer w.calls.begin("Evaluate")(&err)
	return w.Session.Evaluate(ctx, p, emit)
}

func (w watchedSession) Reconstruct(ctx context.Context, p backend.ReconPlan, emit func(backend.Patches) error) (err error) {
	defer w.calls.begin("Reconstruct")(&err)
	return w.Session.Reconstruct(ctx, p, emit)
}

func (w watchedSession) Stop(ctx context.Context) (err error) {
	defer w.calls.begin("Stop")(&err)
	return w.Session.Stop(ctx)
}

func (w watchedSession) Close() (err error) {
	defer w.calls.begin("Close")(&err)
	return w.Session.Close()
}

type watchedInspector struct {
	watchedSession
	look backend.Inspector
}

func (w watchedInspector) Forward(ctx context.Context, b backend.BatchRef, taps ...string) (values map[string]tensor.Tensor, err error) {
	defer w.calls.begin("Forward")(&err)
	return w.look.Forward(ctx, b, taps...)
}

func (w watchedInspector) Gradient(ctx context.Context, b backend.BatchRef, params ...string) (loss backend.Loss, grads map[string]tensor.Tensor, err error) {
	defer w.calls.begin("Gradient")(&err)
	return w.look.Gradient(ctx, b, params...)
}
