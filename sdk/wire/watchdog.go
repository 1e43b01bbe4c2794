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

// Silence is what the host does about a plugin that does not answer. Its time runs while a call waits for the plugin, and
// begins anew with every message of any stream of the plugin. It does not run while the host is busy with a result.
type Silence struct {
	Limit time.Duration                              // after which the plugin is given up; 0: never
	Long  func(op string, quiet time.Duration)       // is told of a long silence, once a call; nil: nobody
	Stuck func(op string, quiet time.Duration) error // ends the process at the limit and says so; nil: the call ends alone
}

// longest is the silence that is told at once: 30 s, or a tenth of a short limit.
const longest = 30 * time.Second

// long is the silence after which Long is told.
func (s Silence) long() time.Duration {
	if s.Limit > 0 {
		return min(longest, s.Limit/10)
	}
	return longest
}

// tick is how often the watchdog looks.
func (s Silence) tick() time.Duration { return min(max(s.long()/10, 10*time.Millisecond), time.Second) }

// watch is the watchdog of one call.
type watch struct {
	waiting atomic.Int64 // operations that wait for the plugin now
	beats   atomic.Int64 // messages of this call
	stuck   error        // why the call was given up; read after the watchdog has ended
}

type watchKey struct{}

// watched runs f with a watchdog that cancels its context when the plugin is silent for too long. The error is that of the
// watchdog, or that of f.
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

// guard counts the silence in ticks, so that the time in which the host itself was suspended hardly counts.
func (w *watch) guard(ctx context.Context, giveUp func(), op string, s Silence, all *atomic.Int64) {
	ticker := time.NewTicker(s.tick())
	defer ticker.Stop()
	var quiet time.Duration
	told, heard, last := false, all.Load(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		passed := min(now.Sub(last), 2*s.tick())
		last = now
		if beats := all.Load(); beats != heard || w.waiting.Load() == 0 {
			heard, quiet = beats, 0
			continue
		}
		quiet += passed
		if quiet >= s.long() && !told {
			told = true
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

// heartbeat is a connection that counts the messages of the plugin, and which calls wait for one.
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

// beatingStream is a stream of a heartbeat.
type beatingStream struct {
	grpc.ClientStream
	of    context.Context //nolint:containedctx // whose watch counts; the stream itself has one too
	beats *atomic.Int64
}

func (s beatingStream) RecvMsg(m any) error {
	return waits(s.of, s.beats, func() error { return s.ClientStream.RecvMsg(m) })
}

// SendMsg waits when the plugin does not take what was sent before.
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

// hurried is a context that ends after limit, or soon after somebody waits for the end of the run.
func (c *Client) hurried(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return Hurried(ctx, limit, c.o.Hurry)
}

// hurryTime is what a step of an end may take when somebody waits.
const hurryTime = 250 * time.Millisecond

// Hurried is a context that ends after limit, or soon after hurry is closed.
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
