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
	"github.com/ptychogo/ptycho/internal/fixture"
	"github.com/ptychogo/ptycho/sdk"
)

// callCases has the calls of the contract, each with a case that makes it.
var callCases = map[string]string{"Devices": "devices", "Open": "state/round-trip", "SetState": "state/round-trip", "State": "state/round-trip", "Bind": "inputs/sums",
	"Step": "train/sgd/1", "Evaluate": "inputs/sums", "Reconstruct": "reconstruct", "Stop": "stop", "Close": "state/round-trip", "Forward": "inputs/values", "Gradient": "gradient/named"}

// failing returns the oracle with one call that does not return.
func failing(call string, fail func()) backend.Backend {
	return fixture.Before(oracle.New(), func(c string) {
		if c == call {
			fail()
		}
	})
}

const killedIn = "killed-in-"

// serveKilled serves a backend whose process is killed in the call of the role.
func serveKilled(role string) {
	call, ok := strings.CutPrefix(role, killedIn)
	if ok {
		sdk.Serve(failing(call, func() { syscall.Kill(os.Getpid(), syscall.SIGKILL); select {} })) //nolint:errcheck // it ends this process
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
				return failing(call, func() { select {} }), func() error { return nil }, nil
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
