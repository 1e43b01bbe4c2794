// Package sdk turns a Go value that satisfies core/backend into a plugin process:
//
//	func main() { sdk.Serve(myBackend{}) }
//
// The process then serves the host over gRPC with mutual TLS, writes its log (log/slog, and all printed text) to standard
// error, ends when the host ends, and turns a panic inside a call into an error.
package sdk

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/sdk/wire"
)

// exitByHand is the exit code of a plugin that was not started by a host. It equals the host's code for backend errors.
const exitByHand = 12

// Option configures Serve.
type Option func(*options)

type options struct {
	doctor func(context.Context) []Finding
	setup  func(context.Context, []string) error
}

func collect(opts []Option) options {
	var o options
	for _, f := range opts {
		f(&o)
	}
	return o
}

// Serve serves b until the host requests the end or is gone. It takes over standard input and output, so it must come first
// in main; code after it does not run. If no host started the process, Serve runs the tool that the first argument names,
// doctor or setup. Without a tool it prints how to use the plugin and exits with code 12.
func Serve(b backend.Backend, opts ...Option) {
	o := collect(opts)
	if os.Getenv(wire.CookieKey) != wire.CookieValue {
		if len(os.Args) > 1 {
			if code, known := o.tool(b, os.Args[1:]); known {
				os.Exit(code)
			}
		}
		i := b.Info()
		fmt.Fprintf(os.Stderr, "%s is the %s backend of ptycho; to use it, run: ptycho train --backend %s\n",
			filepath.Base(os.Args[0]), i.Name, i.Name)
		os.Exit(exitByHand)
	}
	leaveSignalsToHost()
	watchLifeline()
	if err := claimStdio(); err != nil {
		fmt.Fprintln(os.Stderr, "sdk: standard output:", err)
		os.Exit(exitByHand)
	}
	if err := wire.CheckMachine(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitByHand)
	}
	level := logLevel()
	log := slog.New(logHandler(os.Stderr, level))
	slog.SetDefault(log)

	var g *grpc.Server
	srv := wire.NewServer(b, log, sync.OnceFunc(func() {
		time.Sleep(answerTime)
		g.Stop()
	}))
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: wire.Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{
			backend.ProtocolMajor: {wire.PluginName: &wire.Plugin{Backend: srv}},
		},
		GRPCServer: func(tls []grpc.ServerOption) *grpc.Server {
			g = grpc.NewServer(append(append(tls, srv.Options()...), keepStderr()...)...)
			return g
		},
		Logger: hclog.New(&hclog.LoggerOptions{
			Name:       "sdk",
			Level:      level,
			Output:     os.Stderr,
			JSONFormat: true,
		}),
	})
	os.Exit(0)
}

// answerTime lets the answer to Shutdown leave before the server stops. A graceful stop would wait for the streams of
// go-plugin, which never end. If the host misses the answer, it still sees the process end.
const answerTime = 20 * time.Millisecond

// keepStderr undoes, before the first call, go-plugin's redirection of printed text into the connection: the last output of
// a crashing process would be lost there. Calls are served by goroutines that start after the handshake, so the first call
// can restore the files safely.
func keepStderr() []grpc.ServerOption {
	stderr := os.Stderr
	restore := sync.OnceFunc(func() { os.Stdout, os.Stderr = stderr, stderr })
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
			restore()
			return h(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, h grpc.StreamHandler) error {
			restore()
			return h(srv, ss)
		}),
	}
}
