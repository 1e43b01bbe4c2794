package wire

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/ptychogo/ptycho/core/backend"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// events queues the events of a session until the host reads them. The zero value is empty and open.
type events struct {
	mu     sync.Mutex
	list   []backend.Event
	fresh  chan struct{} // closed when an event was added; nil while nobody waits
	closed bool
}

// mostEvents limits the queue for a host that does not read.
const mostEvents = 1 << 10

func (e *events) put(one backend.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed && len(e.list) < mostEvents {
		e.list = append(e.list, one)
		e.wake()
	}
}

func (e *events) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	e.wake()
}

func (e *events) wake() {
	if e.fresh != nil {
		close(e.fresh)
		e.fresh = nil
	}
}

// take waits for events and returns them. ok is false after the last one.
func (e *events) take(ctx context.Context) (list []backend.Event, ok bool) {
	for {
		e.mu.Lock()
		list, e.list = e.list, nil
		closed := e.closed
		if len(list) == 0 && !closed && e.fresh == nil {
			e.fresh = make(chan struct{})
		}
		fresh := e.fresh
		e.mu.Unlock()
		if len(list) > 0 {
			return list, true
		}
		if closed {
			return nil, false
		}
		select {
		case <-fresh:
		case <-ctx.Done():
			return nil, false
		}
	}
}

func eventOut(e backend.Event) *pb.Event {
	return &pb.Event{Phase: e.Phase, Message: e.Message, Done: e.Done, Total: e.Total, Seconds: e.Seconds}
}

// Events sends the events of a session until it is closed. The header confirms that the stream receives events from now on.
func (s *Server) Events(m *pb.EventsRequest, stream grpc.ServerStreamingServer[pb.Event]) error {
	sess, err := s.session(m.GetSession())
	if err != nil {
		return err
	}
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	for {
		list, ok := sess.events.take(stream.Context())
		if !ok {
			return nil
		}
		for _, e := range list {
			if err := stream.Send(eventOut(e)); err != nil {
				return err
			}
		}
	}
}

// event processes one received event.
func (s *remote) event(m *pb.Event, progress func(backend.Event)) error {
	e, err := eventIn(m, s.events)
	if err != nil {
		return err
	}
	s.events++
	if progress != nil {
		progress(e)
	}
	return nil
}

// lastEvents limits how long Close waits for the remaining events.
const lastEvents = 2 * time.Second

// listen receives the events of a session until it is closed. Plugins older than this call send none. An error means that
// the caller gave up or that the plugin does not answer. If the plugin refuses to send events, the session works without
// them.
func (s *remote) listen(ctx context.Context, progress func(backend.Event)) error {
	if progress == nil {
		return nil
	}
	outlasting, cancel := context.WithCancel(context.Background())
	var stream grpc.ServerStreamingClient[pb.Event]
	err := s.client.call(ctx, "events", func(inner context.Context) (err error) {
		defer context.AfterFunc(inner, cancel)()
		if stream, err = s.client.rpc.Events(context.WithValue(outlasting, watchKey{}, inner.Value(watchKey{})), &pb.EventsRequest{Session: s.id}); err == nil {
			_, err = stream.Header()
		}
		if err == nil {
			err = inner.Err() // the header's own error is kept for Recv
		}
		return err
	})
	if err != nil {
		cancel()
		if kind := backend.KindOf(err); kind == backend.Cancelled || kind == backend.Crashed {
			return err
		}
		return nil // the next call reports the fault of the connection
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			m, err := stream.Recv()
			if err != nil {
				return
			}
			if err := s.event(m, progress); err != nil {
				s.broken.Store(&err) // reported by the next call
				return
			}
		}
	}()
	s.unlisten = func() {
		ended, release := s.client.hurried(context.Background(), lastEvents)
		defer release()
		select {
		case <-done:
		case <-ended.Done():
		}
		cancel()
	}
	return nil
}
