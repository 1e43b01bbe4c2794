package plugin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin/runner"

	"github.com/ptychogo/ptycho/internal/disk"
	"github.com/ptychogo/ptycho/sdk/wire"
)

// runner is the plugin's process for go-plugin. It replaces go-plugin's runner, which detects the end of the process only at
// the end of its output, and a grandchild may hold the output open for ever. runner also gives the process an empty standard
// input, a lifeline, and a standard output that is always read.
type runner struct {
	cmd     *exec.Cmd
	program *trustedFile               // the checked file
	sockets *disk.TemporaryFolder      // contains go-plugin's folder
	process atomic.Pointer[os.Process] // nil before the start
	aborted atomic.Bool                // killed, possibly before the start
	tail    *tail

	stdout, stderr *os.File // our ends
	lifeline       *os.File // our end: it closes with this process, and the plugin ends
	hello          *io.PipeReader

	done         chan struct{} // closed when the process has ended
	drained      chan struct{} // closed when its standard error has been read to the end
	silent       chan struct{} // closed when its standard output has been read to the end
	closed       atomic.Bool   // its standard output ended before the host killed it
	stopped      atomic.Bool   // the host ended it
	unresponsive atomic.Bool   // it was killed because it did not answer

	mu    sync.Mutex
	line  string // the handshake, or else the last line before it
	freed bool
}

var _ goplugin.Runner = (*runner)(nil)

func newRunner(sockets *disk.TemporaryFolder) *runner {
	return &runner{sockets: sockets, tail: &tail{}, done: make(chan struct{}), drained: make(chan struct{}), silent: make(chan struct{})}
}

// prepare builds the command with go-plugin's variables, which name its folder.
func (p *Process) prepare(_ hclog.Logger, proto *exec.Cmd, _ string) (goplugin.Runner, error) {
	s := p.spec
	cmd := command(context.Background(), p.runner.program, s)
	cmd.Env = append(allowed(os.Environ(), false), s.Env...)
	cmd.Env = append(cmd.Env, proto.Env...) // go-plugin's, with the cookie
	cmd.Env = append(cmd.Env, wire.LogLevelKey+"="+s.LogLevel.String())
	setGroup(cmd)
	p.runner.cmd = cmd
	return p.runner, nil
}

func (r *runner) Start(context.Context) error {
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
	}()
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	r.stdout, theirs = outRead, append(theirs, outWrite)
	errRead, errWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	r.stderr, theirs = errRead, append(theirs, errWrite)
	r.cmd.Stdout, r.cmd.Stderr = outWrite, errWrite
	if runtime.GOOS != "windows" { // Windows does not inherit pipes by number
		lifeRead, lifeWrite, err := os.Pipe()
		if err != nil {
			return err
		}
		r.lifeline, theirs = lifeWrite, append(theirs, lifeRead)
		r.cmd.ExtraFiles = []*os.File{lifeRead} // descriptor 3
		r.cmd.Env = append(r.cmd.Env, wire.LifelineKey+"=3")
	}
	if err := r.cmd.Start(); err != nil {
		return err
	}
	r.process.Store(r.cmd.Process)
	if r.aborted.Load() {
		r.kill()
	}
	hello, say := io.Pipe()
	r.hello = hello
	go r.readStdout(say)
	go r.wait(say)
	return nil
}

// wait waits for the end of the process and closes its output a moment later. A grandchild may hold the output open for ever,
// and go-plugin would wait for the handshake as long.
func (r *runner) wait(say *io.PipeWriter) {
	killChildren(r.cmd.Process.Pid)
	_ = r.cmd.Wait() // the state of the process says more
	close(r.done)
	late, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	for _, end := range []<-chan struct{}{r.drained, r.silent} {
		select {
		case <-end:
		case <-late.Done():
		}
	}
	say.Close()
	r.stdout.Close()
	r.stderr.Close()
}

// maxHandshake limits the handshake line. With its certificate it has about 1000 bytes, and go-plugin reads at most 64 KiB.
const maxHandshake = 32 << 10

// shake matches the handshake of go-plugin: its version, our version, the address, the transport, the certificate. The
// handshake may follow other text on its line, because libraries print while they are loaded.
var shake = regexp.MustCompile(`1\|\d+\|(unix|tcp)\|[^|]*\|.*$`)

// readStdout passes the handshake to go-plugin and keeps reading, so that printing never blocks the plugin.
func (r *runner) readStdout(say *io.PipeWriter) {
	defer func() {
		r.closed.Store(!r.aborted.Load())
		close(r.silent)
	}()
	defer say.Close()
	b := bufio.NewReaderSize(&trickle{r: r.stdout}, maxHandshake)
	var end []byte // of a line longer than the reader's buffer
	for {
		part, err := b.ReadSlice('\n')
		end = append(end, part...)
		end = end[max(0, len(end)-maxHandshake):]
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		text := strings.TrimSpace(string(end))
		end = end[:0]
		if found := shake.FindString(text); found != "" {
			r.setLine(found)
			_, _ = say.Write([]byte(found + "\n")) // go-plugin may no longer read
			say.Close()
			_, _ = io.Copy(io.Discard, b) // at the pace of the trickle
			return
		}
		if text != "" {
			r.setLine(text)
			_, _ = r.tail.Write([]byte(text + "\n"))
		}
		if err != nil {
			return
		}
	}
}

func (r *runner) setLine(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line = line
}

func (r *runner) handshake() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.line
}

func (r *runner) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// exit describes how the process ended. Call it after the end.
func (r *runner) exit() string {
	if r.cmd.ProcessState == nil {
		return "for an unknown reason"
	}
	return r.cmd.ProcessState.String()
}

func (r *runner) kill() {
	r.aborted.Store(true)
	if p := r.process.Load(); p != nil {
		if !r.ended() {
			killGroup(p.Pid)
		}
		_ = p.Kill() // fails only if the process has ended
	}
}

// gaveUp reports whether the host killed the process. Call it after the end.
func (r *runner) gaveUp() bool {
	s := r.cmd.ProcessState
	return r.aborted.Load() && s != nil && s.ExitCode() == -1 // by a signal
}

// drainTime is the time to read the last lines after the end of the process. A grandchild may hold standard error open for ever.
const drainTime = time.Second

func (r *runner) waitDrained() {
	select {
	case <-r.drained:
	case <-time.After(drainTime):
	}
}

// release closes our ends and removes the sockets.
func (r *runner) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.freed {
		return
	}
	r.freed = true
	for _, f := range []*os.File{r.stdout, r.stderr, r.lifeline} {
		if f != nil {
			f.Close()
		}
	}
	if r.hello != nil {
		r.hello.Close()
	}
	_ = r.sockets.Remove() // otherwise the next start removes them
}

// The following methods implement go-plugin's interface.

func (r *runner) Stdout() io.ReadCloser { return r.hello }

// Stderr returns a reader that also fills the tail, so that the tail is complete at the end of the stream.
func (r *runner) Stderr() io.ReadCloser {
	return &stderrReader{r: r, from: &trickle{r: r.stderr}, once: sync.OnceFunc(func() { close(r.drained) }), flood: newFlood(time.Now())}
}

// stderrReader writes all of standard error to the tail, and the part within the limits to go-plugin's log.
type stderrReader struct {
	r     *runner
	from  io.Reader
	once  func()
	flood *flood
	read  [32 << 10]byte
	shown []byte // not returned by Read yet
	ended bool
}

func (s *stderrReader) Read(b []byte) (int, error) {
	for len(s.shown) == 0 {
		if s.ended {
			return 0, io.EOF // closed by the host or by the process
		}
		n, err := s.from.Read(s.read[:])
		_, _ = s.r.tail.Write(s.read[:n]) // never fails
		s.shown = s.flood.admit(s.shown[:0], s.read[:n], time.Now())
		if err != nil {
			s.ended = true
			s.shown = s.flood.end(s.shown)
			s.once()
		}
	}
	n := copy(b, s.shown)
	s.shown = s.shown[n:]
	return n, nil
}

func (s *stderrReader) Close() error { return s.r.stderr.Close() }

func (r *runner) Name() string { return r.cmd.Path }

func (r *runner) ID() string { return strconv.Itoa(r.pid()) }

func (r *runner) pid() int {
	if p := r.process.Load(); p != nil {
		return p.Pid
	}
	return 0
}

// Wait returns no error: failed calls report how the process ended, not go-plugin's log.
func (r *runner) Wait(context.Context) error {
	<-r.done
	return nil
}

func (r *runner) Kill(context.Context) error {
	r.kill()
	return nil
}

func (r *runner) Diagnose(context.Context) string {
	return fmt.Sprintf("%s is not a plugin", r.cmd.Path)
}

func (r *runner) PluginToHost(network, addr string) (string, string, error) {
	return network, addr, nil
}

func (r *runner) HostToPlugin(network, addr string) (string, string, error) {
	return network, addr, nil
}
