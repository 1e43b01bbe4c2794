package wire

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/ptychogo/ptycho/core/backend"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// events holds what a session has done beside its answers until the host takes it. The zero value is empty and open.
type events struct {
	mu     sync.Mutex
	list   []backend.Event
	fresh  chan struct{} // closed when something was added; nil while nobody waits
	closed bool
}

// most bounds what is kept for a host that does not listen.
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

// take waits for events and gives them; ok is false once there will be no more.
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

// Events sends the events of a session until it is closed. The header says that they are heard from now on.
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

// event hears one event.
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

// lastEvents is how long Close waits for the events that came before it.
const lastEvents = 2 * time.Second

// listen hears the events of a session until it is closed. A plugin older than the call has none to tell.
func (s *remote) listen(progress func(backend.Event)) {
	if progress == nil || s.client.info.ProtocolMinor < 1 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := s.client.rpc.Events(ctx, &pb.EventsRequest{Session: s.id})
	if err == nil {
		_, err = stream.Header()
	}
	if err != nil {
		cancel()
		return // the session works without; what ails the connection is told by the next call
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
				s.broken.Store(&err) // is the next call's error
				return
			}
		}
	}()
	s.unlisten = func() {
		select {
		case <-done:
		case <-time.After(lastEvents):
		}
		cancel()
	}
}
