package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/ptychogo/ptycho/host"
)

// signals counts SIGINT and SIGTERM: the first asks the work to stop where it can go on later, the second gives it up,
// the third ends the process.
type signals struct {
	stop   chan struct{}
	cancel context.CancelFunc
	ctx    context.Context
	last   atomic.Int64
}

func watchSignals() *signals {
	s := &signals{stop: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	c := make(chan os.Signal, 3)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	go func() {
		for n := 1; ; n++ {
			sig := <-c
			code := host.ExitInterrupted
			if sig == syscall.SIGTERM {
				code = host.ExitTerminated
			}
			s.last.Store(int64(code))
			switch n {
			case 1:
				fmt.Fprintln(os.Stderr, "ptycho: stopping after this step; once more to give up at once")
				close(s.stop)
			case 2:
				fmt.Fprintln(os.Stderr, "ptycho: giving up; once more to kill")
				s.cancel()
			default:
				os.Exit(code)
			}
		}
	}()
	return s
}

func (s *signals) context() context.Context { return context.WithValue(s.ctx, stopKey{}, s.stop) }

type stopKey struct{}

// stopChannel is closed when the user asked to stop.
func stopChannel(ctx context.Context) <-chan struct{} {
	c, _ := ctx.Value(stopKey{}).(chan struct{})
	return c
}

// code is the exit code: that of the signal when one ended the work.
func (s *signals) code(of int) int {
	if of == host.ExitInterrupted {
		if last := int(s.last.Load()); last != 0 {
			return last
		}
	}
	return of
}
