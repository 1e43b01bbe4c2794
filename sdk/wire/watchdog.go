package wire

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/ptychogo/ptycho/core/backend"
)

// Silence configures the host's reaction to a plugin that does not answer. The time counts while a call waits for the
// plugin, and restarts with every message on any stream of the plugin. It does not count while the host processes a result.
type Silence struct {
	Limit time.Duration                              // time after which the plugin is given up; 0: never
	Long  func(op string, quiet time.Duration)       // called once per call for a long silence; nil: nothing is called
	Stuck func(op string, quiet time.Duration) error // ends the process at the limit and returns the error; nil: only the call ends
}

// longest is the silence after which Long is called: 30 s, or a tenth of a short limit.
const longest = 30 * time.Second

// long returns the silence after which Long is called.
func (s Silence) long() time.Duration {
	if s.Limit > 0 {
		return min(longest, s.Limit/10)
	}
	return longest
}

// tick returns the interval of the watchdog's checks.
func (s Silence) tick() time.Duration { return min(max(s.long()/10, 10*time.Millisecond), time.Second) }

// watch is the state of the watchdog of one call.
type watch struct {
	waiting atomic.Int64 // operations that currently wait for the plugin
	stuck   error        // why the call was given up; read after the watchdog has ended
}

type watchKey struct{}

// watched runs f with a watchdog that cancels its context when the plugin is silent for too long. The error is the
// watchdog's, or else f's.
func (c *Client) watched(ctx context.Context, op string, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.guard(ctx, cancel, op, c.o.Silence, &c.beats)
	}()
	err := f(context.WithValue(ctx, watchKey{}, w))
	cancel()
	<-ended
	if err != nil && w.stuck != nil {
		return w.stuck
	}
	return err
}

// guard counts the silence in ticks, so that time in which the host itself was suspended hardly counts.
func (w *watch) guard(ctx context.Context, giveUp func(), op string, s Silence, all *atomic.Int64) {
	ticker := time.NewTicker(s.tick())
	defer ticker.Stop()
	var quiet time.Duration
	reported, seen, last := false, all.Load(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		passed := min(now.Sub(last), 2*s.tick())
		last = now
		if beats := all.Load(); beats != seen || w.waiting.Load() == 0 {
			seen, quiet = beats, 0
			continue
		}
		quiet += passed
		if quiet >= s.long() && !reported {
			reported = true
			if s.Long != nil {
				s.Long(op, quiet)
			}
		}
		if s.Limit > 0 && quiet >= s.Limit {
			w.stuck = backend.Errorf(backend.Crashed, op, "the plugin has not answered for %v", s.Limit)
			if s.Stuck != nil {
				w.stuck = s.Stuck(op, quiet)
			}
			giveUp()
			return
		}
	}
}

// heartbeat is a connection that counts the plugin's messages and the calls that wait for one.
type heartbeat struct {
	grpc.ClientConnInterface
	beats *atomic.Int64
}

// waits runs an operation that waits for the plugin.
func waits(ctx context.Context, beats *atomic.Int64, f func() error) error {
	if w, ok := ctx.Value(watchKey{}).(*watch); ok {
		w.waiting.Add(1)
		defer w.waiting.Add(-1)
	}
	err := f()
	if err == nil {
		beats.Add(1)
	}
	return err
}

func (h heartbeat) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return waits(ctx, h.beats, func() error { return h.ClientConnInterface.Invoke(ctx, method, args, reply, opts...) })
}

func (h heartbeat) NewStream(ctx context.Context, d *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	var s grpc.ClientStream
	err := waits(ctx, h.beats, func() (err error) {
		s, err = h.ClientConnInterface.NewStream(ctx, d, method, opts...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return beatingStream{s, ctx, h.beats}, nil
}

// beatingStream is a stream of a heartbeat connection.
type beatingStream struct {
	grpc.ClientStream
	of    context.Context //nolint:containedctx // the context that holds the watch; the stream has another one
	beats *atomic.Int64
}

func (s beatingStream) RecvMsg(m any) error {
	return waits(s.of, s.beats, func() error { return s.ClientStream.RecvMsg(m) })
}

// SendMsg may block while the plugin does not read earlier messages.
func (s beatingStream) SendMsg(m any) error {
	return waits(s.of, s.beats, func() error { return s.ClientStream.SendMsg(m) })
}

func (s beatingStream) Header() (md metadata.MD, err error) {
	err = waits(s.of, s.beats, func() error {
		md, err = s.ClientStream.Header()
		return err
	})
	return md, err
}

// hurried returns a context that ends after limit, or soon after a user waits for the end of the run.
func (c *Client) hurried(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return Hurried(ctx, limit, c.o.Hurry)
}

// hurryTime limits each step of the end of a run when a user waits.
const hurryTime = 250 * time.Millisecond

// Hurried returns a context that ends after limit, or soon after hurry is closed.
func Hurried(ctx context.Context, limit time.Duration, hurry <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v", limit))
	go func() {
		select {
		case <-ctx.Done():
			return
		case <-hurry:
		}
		select {
		case <-ctx.Done():
		case <-time.After(hurryTime):
			cancel()
		}
	}()
	return ctx, cancel
}
