//go:build unix

package command_test

import (
	"context"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/conformance/command"
	"github.com/ptychogo/ptycho/core/backend"
)

// leaking keeps a MiB of every evaluation.
type leaking struct{ backend.Backend }

var kept [][]byte

func (l leaking) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	s, err := l.Backend.Open(ctx, o)
	return leakingSession{s}, err
}

type leakingSession struct{ backend.Session }

func (l leakingSession) Evaluate(ctx context.Context, p backend.EvalPlan, emit func(backend.EvalResult) error) error {
	piece := make([]byte, 1<<20)
	for i := range piece {
		piece[i] = byte(i)
	}
	kept = append(kept, piece)
	return l.Session.Evaluate(ctx, p, emit)
}

// lingering does not return from a call that has begun, and does not close its sessions.
type lingering struct{ backend.Backend }

func (l lingering) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	s, err := l.Backend.Open(ctx, o)
	return lingeringSession{s}, err
}

type lingeringSession struct{ backend.Session }

func (l lingeringSession) Close() error { time.Sleep(time.Hour); return nil }

// spinning waits busily after a session closed.
type spinning struct{ backend.Backend }

func (l spinning) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	s, err := l.Backend.Open(ctx, o)
	return spinningSession{s}, err
}

type spinningSession struct{ backend.Session }

func (l spinningSession) Close() error {
	go func() {
		for {
			runtime.Gosched()
		}
	}()
	return l.Session.Close()
}

// TestTarget_ProcessesAreChecked runs the cases about processes for one that is in order and for four that are not.
func TestTarget_ProcessesAreChecked(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes and waits for their end: not with -short")
	}
	if runtime.GOOS != "linux" {
		t.Skip("the memory and children of a process are read from /proc, which only Linux has")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for role, c := range map[string]struct{ failed, says string }{
		"serve":   {"", ""},
		"leaks":   {"process/memory", "sessions with a dataset"},
		"lingers": {"process/shutdown", "killed"},
		"spins":   {"process/idle", "after its session closed"},
		"leaves":  {"process/shutdown process/lifeline", "still run"},
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			cases := "^process/"
			if c.failed != "" {
				cases = "^(" + strings.ReplaceAll(c.failed, " ", "|") + ")$"
			}
			report, err := conformance.Check(t.Context(), command.Target(self, role), conformance.Options{Level: conformance.Operates, Timeout: 5 * time.Minute, Run: regexp.MustCompile(cases)})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range report.Results {
				switch failed := r.Status == conformance.Failed; {
				case failed != strings.Contains(c.failed, r.Name):
					t.Errorf("%s %s: %s", r.Name, r.Status, r.Message)
				case failed && !strings.Contains(r.Message, c.says):
					t.Errorf("%s: the message is %q, want %q in it", r.Name, r.Message, c.says)
				}
			}
		})
	}
}
