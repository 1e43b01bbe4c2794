//go:build unix

package command_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/conformance/command"
	"github.com/ptychogo/ptycho/conformance/oracle"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/sdk"
)

// callCases has the calls of the contract, each with a case that makes it.
var callCases = map[string]string{"Devices": "devices", "Open": "state/round-trip", "SetState": "state/round-trip", "State": "state/round-trip", "Bind": "inputs/sums",
	"Step": "train/sgd/1", "Evaluate": "inputs/sums", "Reconstruct": "reconstruct", "Stop": "stop", "Close": "state/round-trip", "Forward": "inputs/values", "Gradient": "gradient/named"}

// failing is a backend with one call that does not return.
type failing struct {
	backend.Backend
	call string
	fail func()
}

func (f failing) at(call string) {
	if f.call == call {
		f.fail()
	}
}

func (f failing) Devices(ctx context.Context) ([]backend.Device, error) {
	f.at("Devices")
	return f.Backend.Devices(ctx)
}

func (f failing) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	f.at("Open")
	s, err := f.Backend.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return failingSession{s, s.(backend.Inspector), f}, nil
}

type failingSession struct {
	backend.Session
	look backend.Inspector
	f    failing
}

func (s failingSession) SetState(ctx context.Context, st backend.State) error {
	s.f.at("SetState")
	return s.Session.SetState(ctx, st)
}

func (s failingSession) State(ctx context.Context) (backend.State, error) {
	s.f.at("State")
	return s.Session.State(ctx)
}

func (s failingSession) Bind(ctx context.Context, d backend.Dataset) (backend.DatasetID, error) {
	s.f.at("Bind")
	return s.Session.Bind(ctx, d)
}

func (s failingSession) Step(ctx context.Context, p backend.StepPlan, emit func(backend.StepResult) error) error {
	s.f.at("Step")
	return s.Session.Step(ctx, p, emit)
}

func (s failingSession) Evaluate(ctx context.Context, p backend.EvalPlan, emit func(backend.EvalResult) error) error {
	s.f.at("Evaluate")
	return s.Session.Evaluate(ctx, p, emit)
}

func (s failingSession) Reconstruct(ctx context.Context, p backend.ReconPlan, emit func(backend.Patches) error) error {
	s.f.at("Reconstruct")
	return s.Session.Reconstruct(ctx, p, emit)
}

func (s failingSession) Stop(ctx context.Context) error {
	s.f.at("Stop")
	return s.Session.Stop(ctx)
}

func (s failingSession) Close() error {
	s.f.at("Close")
	return s.Session.Close()
}

func (s failingSession) Forward(ctx context.Context, b backend.BatchRef, taps ...string) (map[string]tensor.Tensor, error) {
	s.f.at("Forward")
	return s.look.Forward(ctx, b, taps...)
}

func (s failingSession) Gradient(ctx context.Context, b backend.BatchRef, params ...string) (backend.Loss, map[string]tensor.Tensor, error) {
	s.f.at("Gradient")
	return s.look.Gradient(ctx, b, params...)
}

const killedIn = "killed-in-"

// serveKilled serves a backend whose process is killed in the call of the role.
func serveKilled(role string) {
	call, ok := strings.CutPrefix(role, killedIn)
	if ok {
		sdk.Serve(failing{oracle.New(), call, func() { syscall.Kill(os.Getpid(), syscall.SIGKILL); select {} }}) //nolint:errcheck // it ends this process
	}
}

// namesCall runs info and a case that makes the call: the case must fail with the message, and info pass.
func namesCall(t *testing.T, call string, target conformance.Target, timeout time.Duration, says string) {
	t.Helper()
	name := callCases[call]
	report, err := conformance.Check(t.Context(), target, conformance.Options{Level: conformance.Learns, Timeout: timeout, Run: regexp.MustCompile("^(info|" + name + "|params)$")})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		switch {
		case r.Name == name && (r.Status != conformance.Failed || !strings.Contains(r.Message, says)):
			t.Errorf("%s %s: %q, want it to fail with %q", r.Name, r.Status, r.Message, says)
		case r.Name == "info" && r.Status != conformance.Passed:
			t.Errorf("%s: %s", r.Name, r.Message)
		}
	}
	if len(report.Results) != 3 {
		t.Errorf("%d cases ran, want 3: the run must go on", len(report.Results))
	}
}

func TestCalls_HangIsNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for time limits: not with -short")
	}
	for call := range callCases {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			target := conformance.Target{Name: "hangs", Start: func(context.Context) (backend.Backend, func() error, error) {
				return failing{oracle.New(), call, func() { select {} }}, func() error { return nil }, nil
			}}
			namesCall(t, call, target, 2*time.Second, "hangs in "+call)
		})
	}
}

func TestCalls_CrashIsNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes: not with -short")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for call := range callCases {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			namesCall(t, call, command.Target(self, killedIn+call), time.Minute, call+": ")
		})
	}
}
