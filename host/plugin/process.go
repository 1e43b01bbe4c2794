// Package plugin finds the plugin of a backend, starts its process and ends it. A Process is a backend.Backend whose calls go
// to the plugin. If the plugin ends, the calls return Crashed errors with the last lines of its standard error.
//
// Find takes the first match: an explicit path; the folders of --plugin-dir and PTYCHO_PLUGIN_PATH; installed plugins; the
// folder of the executable; bundled backends. It never searches the current directory, and executes nothing.
package plugin

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/internal/disk"
	"github.com/ptychogo/ptycho/sdk/wire"
)

// Spec describes the plugin to start.
type Spec struct {
	Name string // of the backend, for messages; the file's name if empty
	Path string // of the program, with a slash
	Args []string

	Network  bool         // only for Tool: the program downloads something
	Env      []string     // further variables, NAME=VALUE, besides those passed on from the host
	Logger   hclog.Logger // receives the plugin's log lines at their level; may be nil
	LogLevel hclog.Level  // of the plugin; NoLevel: the Logger's

	SHA256 string // of the file, hexadecimal; checked at every start unless empty
	// Timeout is the longest silence of the plugin in a call, after which it is killed; 0: no limit.
	Timeout time.Duration
	Notice  func(format string, args ...any) // called after a long silence; may be nil
	Hurry   <-chan struct{}                  // closed: the user waits, and stopping must be quick

	StartTimeout time.Duration // until the handshake; 0: a minute, because device drivers are slow to load
}

// Process is a running plugin.
type Process struct {
	*wire.Client
	spec   Spec
	runner *runner

	stopping sync.Mutex
	released sync.Once
	protocol goplugin.ClientProtocol
}

var _ backend.Backend = (*Process)(nil)

// Start starts the plugin, completes the handshake and requests its Info. The end of ctx cancels the start but does not end a started process.
func Start(ctx context.Context, s Spec) (*Process, error) {
	if err := s.complete(); err != nil {
		return nil, err
	}
	file, err := s.open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	sockets, err := disk.NewTemporaryFolder(socketBase())
	if err != nil {
		return nil, backend.Errorf(backend.Unavailable, "start", "plugin %s: %w", s.Name, err)
	}
	p := &Process{spec: s, runner: newRunner(sockets)}
	p.runner.program = file
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: wire.Handshake(),
		VersionedPlugins: map[int]goplugin.PluginSet{
			backend.ProtocolMajor: {wire.PluginName: &wire.Plugin{}},
		},
		RunnerFunc:       p.prepare,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		GRPCDialOptions:  wire.DialOptions(),
		StartTimeout:     s.StartTimeout,
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: sockets.Path()},
		Logger:           s.Logger,
		// Output through go-plugin's streams, which plugins with sdk.Serve hardly use.
		SyncStdout: &paced{w: p.runner.tail},
		SyncStderr: &paced{w: p.runner.tail},
	})
	release := context.AfterFunc(ctx, p.runner.kill)
	defer release()
	conn, err := p.connect(client)
	if err == nil {
		p.Client, err = wire.NewClient(ctx, conn, p.clientOptions())
	}
	if changed := file.Changed(); changed != nil && ctx.Err() == nil {
		p.abandon()
		return nil, backend.Errorf(backend.Invalid, "start", "plugin %s: %w", s.Name, changed)
	}
	if err != nil {
		err = p.startError(ctx, err)
		p.abandon()
		return nil, err
	}
	go func() {
		<-p.runner.done
		p.runner.waitDrained()
		p.release()
	}()
	return p, nil
}

// clientOptions returns the options of the protocol's client.
func (p *Process) clientOptions() wire.ClientOptions {
	return wire.ClientOptions{
		Name:    p.spec.Name,
		Gone:    p.runner.done,
		Lost:    p.lost,
		Silence: wire.Silence{Limit: p.spec.Timeout, Long: p.silent, Stuck: p.stuck},
		Hurry:   p.spec.Hurry,
	}
}

func (p *Process) connect(client *goplugin.Client) (*grpc.ClientConn, error) {
	protocol, err := client.Client()
	if err != nil {
		return nil, err
	}
	p.protocol = protocol
	raw, err := protocol.Dispense(wire.PluginName)
	if err != nil {
		return nil, err
	}
	conn, ok := raw.(*grpc.ClientConn)
	if !ok {
		return nil, fmt.Errorf("the plugin is a %T, not a connection", raw)
	}
	return conn, nil
}

// PID returns the number of the process.
func (p *Process) PID() int { return p.runner.pid() }

// Orphan closes the pipe that keeps the plugin alive, as the kernel does when the host ends. The conformance suite uses it.
func (p *Process) Orphan() {
	if p.runner.lifeline != nil {
		p.runner.lifeline.Close()
	}
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.runner.done }

// tail returns the last lines of the plugin's standard error.
func (p *Process) tail() []string { return p.runner.tail.lines() }

const (
	// shutdownTime is the time for the plugin to end its calls and close its sessions. The plugin gives its calls 3 s of it.
	shutdownTime = 5 * time.Second
	// exitTime is the time for the process to end after that: libraries release devices and threads.
	exitTime = 3 * time.Second
)

// Stop asks the plugin to close its sessions and to end, waits, and kills the plugin if it does not end. It returns an error
// if it had to kill the plugin, and nil if the process has already ended. The end of ctx shortens the wait.
func (p *Process) Stop(ctx context.Context) error {
	p.stopping.Lock()
	defer p.stopping.Unlock()
	defer p.release()
	if p.runner.ended() {
		return nil
	}
	ask, cancel := wire.Hurried(ctx, shutdownTime, p.spec.Hurry)
	defer cancel()
	p.runner.stopped.Store(true)
	if err := p.Shutdown(ask); err != nil && !p.runner.ended() {
		p.spec.Logger.Debug("plugin did not answer the shutdown request", "plugin", p.spec.Name, "error", err)
	}
	exit, cancel := wire.Hurried(ctx, exitTime, p.spec.Hurry)
	defer cancel()
	select {
	case <-p.runner.done:
		return nil
	case <-exit.Done():
	}
	p.runner.kill()
	p.runner.waitKilled()
	return backend.Errorf(backend.Internal, "stop", "plugin %s did not end on request and was killed", p.spec.Name)
}

// Kill ends the process at once.
func (p *Process) Kill() {
	p.runner.stopped.Store(true)
	p.runner.kill()
	p.runner.waitKilled()
	p.release()
}

// release frees the host's resources of a process that has ended.
func (p *Process) release() {
	p.released.Do(func() {
		if p.protocol != nil && p.runner.ended() {
			_ = p.protocol.Close() // its error only says that the process has ended
		}
		p.runner.release()
	})
}

// abandon ends a process whose start failed.
func (p *Process) abandon() {
	p.runner.kill()
	if p.runner.pid() != 0 {
		p.runner.waitKilled()
	}
	p.release()
}

// socketBase returns the parent of the socket's folder. Some systems limit a socket's path to 104 bytes. Our folder and
// go-plugin's names take the rest, each number with ten digits at most.
func socketBase() string {
	const room = 104 - len("/ptycho-scratch-0123456789/plugin-dir0123456789/plugin0123456789") - 1
	if dir := os.TempDir(); len(dir) <= room {
		return dir
	}
	return "/tmp"
}

// Sweep removes the temporary folders of processes that have ended, such as the folders of plugins' sockets.
func Sweep() { disk.SweepTemporary(os.TempDir(), socketBase()) }
