package wire

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// mute is a plugin whose stream of events never starts.
type mute struct{ *Server }

func (mute) Events(_ *pb.EventsRequest, stream grpc.ServerStreamingServer[pb.Event]) error {
	<-stream.Context().Done()
	return nil
}

// opens is a backend that opens sessions that do nothing.
type opens struct{}

func (opens) Info() backend.Info {
	return backend.Info{Name: "opens", Version: "1", Engine: "none", DTypes: []tensor.DType{tensor.Float32}, Operations: []program.OpKind{program.Add}}
}

func (opens) Devices(context.Context) ([]backend.Device, error) { return nil, nil }

func (opens) Open(context.Context, backend.OpenOptions) (backend.Session, error) {
	return idle{}, nil
}

type idle struct{ backend.Session }

func (idle) Params() []program.ParamSpec { return nil }

func (idle) Close() error { return nil }

func muteClient(t *testing.T, s Silence) *Client {
	t.Helper()
	return clientOf(t, mute{NewServer(opens{}, slog.New(slog.DiscardHandler), func() {})}, s)
}

// clientOf connects a client to a server in this process.
func clientOf(t *testing.T, server pb.BackendServer, s Silence) *Client {
	t.Helper()
	l := bufconn.Listen(1 << 20)
	g := grpc.NewServer()
	pb.RegisterBackendServer(g, server)
	go g.Serve(l) //nolint:errcheck // ends with the test
	t.Cleanup(g.Stop)
	conn, err := grpc.NewClient("passthrough:///plugin", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c, err := NewClient(t.Context(), conn, ClientOptions{Name: "opens", Silence: s})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestEvents_NeverHangTheOpening checks that a stream of events without headers ends with the caller and at the limit.
func TestEvents_NeverHangTheOpening(t *testing.T) {
	options := backend.OpenOptions{Program: &program.Program{Name: "p", N: 2, Group: 1}, Progress: func(backend.Event) {}}
	open := func(ctx context.Context, s Silence) error {
		c := muteClient(t, s)
		done := make(chan error, 1)
		go func() {
			_, err := c.Open(ctx, options)
			done <- err
		}()
		select {
		case err := <-done:
			return err
		case <-time.After(60 * time.Second):
			t.Fatal("opening the session hangs")
			return nil
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := open(ctx, Silence{}); backend.KindOf(err) != backend.Cancelled {
		t.Errorf("the end of the caller gave %v", err)
	}
	if err := open(t.Context(), Silence{Limit: 500 * time.Millisecond}); backend.KindOf(err) != backend.Crashed {
		t.Errorf("the limit gave %v", err)
	}
}

// eventless is a plugin without the call Events, such as one in another language.
type eventless struct{ *Server }

func (eventless) Events(*pb.EventsRequest, grpc.ServerStreamingServer[pb.Event]) error {
	return status.Error(codes.Unimplemented, "method Events not implemented")
}

// TestEvents_MayBeMissing checks the statement of docs/protocol.md: a session works without the call.
func TestEvents_MayBeMissing(t *testing.T) {
	c := clientOf(t, eventless{NewServer(opens{}, slog.New(slog.DiscardHandler), func() {})}, Silence{})
	s, err := c.Open(t.Context(), backend.OpenOptions{Program: &program.Program{Name: "p", N: 2, Group: 1}, Progress: func(backend.Event) {}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
