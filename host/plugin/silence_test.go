//go:build unix

package plugin

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// hanging returns a toy that never returns from one call, even if the context ends, like a stuck driver.
func hanging(call string) backend.Backend {
	method := strings.ReplaceAll(call, " ", "")
	return fixture.Before(toy{}, func(c string) {
		if strings.EqualFold(c, method) {
			time.Sleep(time.Hour)
		}
	})
}

// notices collects the notices to the user.
type notices struct {
	mu   sync.Mutex
	text []string
}

func (n *notices) add(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.text = append(n.text, fmt.Sprintf(format, args...))
}

func (n *notices) all() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.text, "\n")
}

// ends fails the test if f does not return within a generous time.
func ends(t *testing.T, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(60 * time.Second):
		t.Fatal("the call hangs")
		return nil
	}
}

// calls lists all calls of a session and of a backend that wait for the plugin.
func calls(ctx context.Context, p *Process, s backend.Session) map[string]func() error {
	i, _ := s.(backend.Inspector)
	return map[string]func() error{
		"devices": func() error { _, err := p.Devices(ctx); return err },
		"open": func() error {
			_, err := p.Open(ctx, backend.OpenOptions{Program: toyProgram("toy")})
			return err
		},
		"set state": func() error { return s.SetState(ctx, backend.State{}) },
		"state":     func() error { _, err := s.State(ctx); return err },
		"bind":      func() error { _, err := s.Bind(ctx, backend.Dataset{}); return err },
		"step": func() error {
			return s.Step(ctx, backend.StepPlan{Steps: []backend.Step{{Number: 1}}}, func(backend.StepResult) error { return nil })
		},
		"evaluate": func() error {
			return s.Evaluate(ctx, backend.EvalPlan{}, func(backend.EvalResult) error { return nil })
		},
		"reconstruct": func() error {
			return s.Reconstruct(ctx, backend.ReconPlan{}, func(backend.Patches) error { return nil })
		},
		"stop":     func() error { return s.Stop(ctx) },
		"forward":  func() error { _, err := i.Forward(ctx, backend.BatchRef{}); return err },
		"gradient": func() error { _, _, err := i.Gradient(ctx, backend.BatchRef{}); return err },
	}
}

// A plugin that does not answer a call is announced, then killed, and the error of the call says so.
func TestSilence_EndsEveryCall(t *testing.T) {
	t.Parallel()
	for name := range calls(t.Context(), nil, nil) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told notices
			spec := role(t, "hang "+name)
			spec.Timeout, spec.Notice = 2*time.Second, told.add // the plugin answers the calls before this one in time, beside others that start
			p := start(t, spec)
			var s backend.Session
			if name != "devices" && name != "open" {
				s = open(t, p, "toy")
			}
			err := ends(t, calls(t.Context(), p, s)[name])
			wantKind(t, err, backend.Crashed, "toy", "did not answer", name, "--backend-timeout")
			if !strings.Contains(told.all(), "backend toy has not answered") || !strings.Contains(told.all(), "in "+name) {
				t.Errorf("the notices are %q", told.all())
			}
			if !p.runner.ended() {
				t.Error("the process lives")
			}
			if err := ends(t, func() error { return p.Stop(t.Context()) }); err != nil {
				t.Error(err)
			}
		})
	}
}

// Every wait ends with the context of the caller, long before the limit.
func TestSilence_EndsWithTheCaller(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"devices", "open", "state", "step"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, role(t, "hang "+name))
			var s backend.Session
			if name != "devices" && name != "open" {
				s = open(t, p, "toy")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			wantKind(t, ends(t, calls(ctx, p, s)[name]), backend.Cancelled)
		})
	}
}

// suspend stops the process and waits until it has stopped.
func suspend(t *testing.T, p *Process) {
	t.Helper()
	if processState(os.Getpid()) == 0 {
		t.Skip("this system does not say what state a process is in")
	}
	if err := syscall.Kill(p.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for processState(p.PID()) != 'T' {
		time.Sleep(time.Millisecond)
	}
}

// A suspended process (SIGSTOP) is reported as such and killed.
func TestSilence_NamesAStoppedProcess(t *testing.T) {
	t.Parallel()
	var told notices
	spec := role(t, "plugin")
	spec.Timeout, spec.Notice = time.Second, told.add
	p := start(t, spec)
	suspend(t, p)
	err := ends(t, func() error { _, err := p.Devices(t.Context()); return err })
	wantKind(t, err, backend.Crashed, "is stopped", "kill -CONT")
	if !strings.Contains(told.all(), "is stopped") {
		t.Errorf("the notices are %q", told.all())
	}
}

// Stopping a process that does not answer takes a limited time, and a short time if the user waits.
func TestStop_EndsAStoppedProcess(t *testing.T) {
	t.Parallel()
	hurry := make(chan struct{})
	close(hurry)
	for name, h := range map[string]chan struct{}{"patient": nil, "hurried": hurry} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if h == nil && testing.Short() {
				t.Skip("waits for eight seconds: not with -short")
			}
			spec := role(t, "plugin")
			spec.Hurry = h
			p := start(t, spec)
			s := open(t, p, "toy")
			suspend(t, p)
			if h != nil {
				_ = ends(t, s.Close)
			}
			if err := ends(t, func() error { return p.Stop(context.Background()) }); err == nil || !strings.Contains(err.Error(), "killed") {
				t.Errorf("the end of a stopped process gave %v", err)
			}
			if !p.runner.ended() {
				t.Error("the process lives")
			}
		})
	}
}

// The time of the host does not count: the host may use a result for longer than the limit.
func TestSilence_DoesNotCountTheHost(t *testing.T) {
	fixture.Long(t)
	t.Parallel()
	spec := role(t, "plugin")
	spec.Timeout = 500 * time.Millisecond
	p := start(t, spec)
	s := open(t, p, "toy")
	err := ends(t, func() error {
		return s.Step(t.Context(), backend.StepPlan{Steps: []backend.Step{{Number: 1}, {Number: 2}}}, func(backend.StepResult) error {
			time.Sleep(1500 * time.Millisecond)
			return nil
		})
	})
	if err != nil && backend.KindOf(err) == backend.Crashed {
		t.Error(err)
	}
}

// A tool that does not know its command ends with the context, together with its children.
func TestTool_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(path, []byte("#!/bin/sh\ntrap '' INT TERM\nexec sleep 1000\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := ends(t, func() error {
		_, err := Tool(ctx, Spec{Path: path, Args: []string{"doctor"}}, nil, io.Discard, io.Discard)
		return err
	})
	if err == nil {
		t.Error("the tool ended by itself")
	}
}
