package bent

import (
	"context"
	"log/slog"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/sdk/wire"
)

// Engine is a backend in this process, behind the protocol of plugins.
type Engine struct {
	*wire.Client
	end func()
}

// Stop implements host.Engine.
func (e *Engine) Stop(context.Context) error {
	e.end()
	return nil
}

// Connect serves a backend over a connection in memory, with further options of the server.
func Connect(ctx context.Context, serve backend.Backend, options ...grpc.ServerOption) (*Engine, error) {
	lis := bufconn.Listen(1 << 20)
	srv := wire.NewServer(serve, slog.New(slog.DiscardHandler), func() {})
	g := grpc.NewServer(append(options, srv.Options()...)...)
	srv.Register(g)
	go g.Serve(lis) //nolint:errcheck // ends with Stop
	conn, err := grpc.NewClient("passthrough:///bent", append(wire.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))...)
	if err != nil {
		return nil, err
	}
	end := sync.OnceFunc(func() {
		_, _ = srv.Shutdown(context.Background(), nil) // closes the sessions
		conn.Close()
		g.Stop()
	})
	name := serve.Info().Name
	c, err := wire.NewClient(ctx, conn, wire.ClientOptions{Name: name, Lost: func(op string, err error) error {
		return backend.Errorf(backend.Crashed, op, "plugin %s: the connection broke: %w", name, err)
	}})
	if err != nil {
		end()
		return nil, host.Fail(host.ExitBackend, err)
	}
	return &Engine{c, end}, nil
}
