package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/host"
)

// signals stops the work when the user or the system asks for it. The first SIGINT, SIGTERM or SIGHUP, or a closed pipe on
// standard output or standard error, stops a command at once, or after the current step where a command has something
// to save (see graceful). The second signal cancels the work, the third ends the process.
type signals struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	stop   chan struct{} // closed: finish the step, save, stop
	hurry  chan struct{} // closed: the user waits for the end
	late   chan struct{} // closed: cancelled work did not end in time

	plan   atomic.Pointer[string] // what a graceful command does after the first signal; nil: it stops at once
	meter  atomic.Pointer[progressMeter]
	by     atomic.Pointer[string] // name of the first signal, or "a closed pipe"
	code   atomic.Int64           // exit code of the last signal; 0: no signal
	broken atomic.Bool            // a pipe was closed

	mu       sync.Mutex
	children []func() // kill the child processes

	count int // number of signals, without closed pipes
}

// lateTime is the time that cancelled work may take to end. Ending the process after it loses nothing: files appear whole
// or not at all, and plugins end with this process.
const lateTime = 1700 * time.Millisecond

// stopped is the cause of a context that a signal cancelled.
type stopped struct{ by string }

func (s stopped) Error() string { return "stopped by " + s.by }

func (s stopped) Is(target error) bool { return target == context.Canceled }

// newSignals returns signals that receive nothing until watch is called. A plugin does not call watch: its host handles signals.
func newSignals() *signals {
	s := &signals{stop: make(chan struct{}), hurry: make(chan struct{}), late: make(chan struct{})}
	ctx, cancel := context.WithCancelCause(context.Background())
	s.ctx, s.cancel = context.WithValue(ctx, signalsKey{}, s), cancel
	return s
}

// watch starts to receive the signals of the process.
func (s *signals) watch() {
	c := make(chan os.Signal, 16)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signal.Notify(c, syscall.SIGHUP)
	}
	go func() {
		for sig := range c {
			s.receive(sig)
		}
	}()
}

func (s *signals) receive(sig os.Signal) {
	if sig == syscall.SIGPIPE {
		// Each write to any closed pipe or connection raises SIGPIPE. Only the first one of our output matters.
		if outputClosed() && !s.broken.Swap(true) && s.count == 0 {
			s.code.Store(host.ExitTerminated)
			s.begin("a closed pipe")
		}
		return
	}
	name, code := "SIGINT", host.ExitInterrupted
	switch sig {
	case syscall.SIGTERM:
		name, code = "SIGTERM", host.ExitTerminated
	case syscall.SIGHUP:
		name, code = "SIGHUP", host.ExitTerminated
	}
	s.code.Store(int64(code))
	s.count++
	switch s.count {
	case 1:
		what, again := "stopping", "a second signal stops immediately"
		if plan := s.plan.Load(); plan != nil {
			what = *plan
		}
		if code == host.ExitInterrupted {
			again = "press Ctrl-C again to stop immediately"
		}
		s.say("%s: %s; %s", name, what, again)
		close(s.hurry)
		if !s.broken.Load() {
			s.begin(name)
		}
	case 2:
		s.say("%s: stopping immediately; a third signal kills the process", name)
		s.giveUp(name)
	default:
		s.killChildren()
		os.Exit(code)
	}
}

// child registers a process that must not outlive this one. A plugin detects that its host has ended, but not while the
// plugin is suspended.
func (s *signals) child(kill func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.children = append(s.children, kill)
}

func (s *signals) killChildren() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kill := range s.children {
		kill()
	}
}

// begin starts the stop, for the first reason.
func (s *signals) begin(by string) {
	s.by.Store(&by)
	close(s.stop)
	if s.plan.Load() == nil {
		s.giveUp(by)
	}
}

func (s *signals) giveUp(by string) {
	if s.ctx.Err() == nil {
		s.cancel(stopped{by})
		time.AfterFunc(lateTime, func() { close(s.late) })
	}
}

// say writes a line above the progress, even with --quiet.
func (s *signals) say(format string, args ...any) {
	if m := s.meter.Load(); m != nil {
		m.Say("ptycho: "+format, args...)
		return
	}
	fmt.Fprintf(os.Stderr, "ptycho: "+format+"\n", args...)
}

// run runs a command and returns its error. It does not wait for cancelled work that ignores its context.
func (s *signals) run(f func(ctx context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- f(s.ctx) }()
	select {
	case err := <-done:
		return err
	case <-s.late:
		s.killChildren()
		return context.Cause(s.ctx)
	}
}

// explain rewords an error that a signal caused.
func (s *signals) explain(err error) error {
	by := s.by.Load()
	var f *host.Failure
	if err == nil || by == nil || errors.As(err, &f) && f.Code == host.ExitInterrupted || !errors.Is(err, context.Canceled) && backend.KindOf(err) != backend.Cancelled {
		return err
	}
	return fmt.Errorf("%w before the end; no file is partly written", stopped{*by})
}

// exitCode returns the exit code of the process: that of the signal if a signal stopped the work.
func (s *signals) exitCode(err error) int {
	if s.code.Load() == 0 && outputClosed() {
		time.Sleep(50 * time.Millisecond) // the SIGPIPE of a failed write may not have arrived yet
	}
	code := int(s.code.Load())
	if code != 0 && (err != nil || s.broken.Load()) {
		return code
	}
	return exitCode(err)
}

type signalsKey struct{}

func signalsOf(ctx context.Context) *signals {
	if s, ok := ctx.Value(signalsKey{}).(*signals); ok {
		return s
	}
	return newSignals()
}

// graceful lets a command continue after the first signal to a point where its work is saved. The plan is shown to the
// user. The command itself watches host.Stop and host.Hurry.
func graceful(ctx context.Context, plan string) { signalsOf(ctx).plan.Store(&plan) }

// show makes the notices of signals respect the progress line.
func (s *signals) show(m *progressMeter) { s.meter.Store(m) }

// prompt returns a context that the first signal cancels too, for the part of a graceful command that has nothing to save.
func (s *signals) prompt(ctx context.Context) (context.Context, context.CancelFunc) {
	return host.Host{Hurry: s.hurry}.Prompt(ctx)
}
