package plugin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/sdk/wire"
)

// complete checks a Spec and sets its defaults.
func (s *Spec) complete() error {
	if err := wire.CheckMachine(); err != nil {
		return err
	}
	if !strings.ContainsRune(s.Path, filepath.Separator) {
		return backend.Errorf(backend.Invalid, "start", "plugin %q: the path must contain a slash, because programs are not searched for", s.Path)
	}
	path, err := filepath.Abs(s.Path)
	if err != nil {
		return backend.Errorf(backend.Invalid, "start", "plugin %s: %w", s.Path, err)
	}
	s.Path = path
	if s.Name == "" {
		s.Name = filepath.Base(path)
	}
	if s.Logger == nil {
		s.Logger = hclog.NewNullLogger()
	}
	if s.LogLevel == hclog.NoLevel {
		s.LogLevel = s.Logger.GetLevel()
	}
	if s.StartTimeout == 0 {
		s.StartTimeout = time.Minute
	}
	return nil
}

// open checks that the program is trusted and has the recorded digest. The file stays open until the process has started.
// The digest is of this file, and File.Changed then reports whether the process was started from it.
//
// The program is started by its path and not by its descriptor /proc/self/fd/N, which a script would see as its name and the
// list of processes would show. Only root and the user can change the meaning of the path.
func (s *Spec) open() (*trustedFile, error) {
	fail := func(kind backend.Kind, err error) error {
		return backend.Errorf(kind, "start", "plugin %s: %w", s.Name, err)
	}
	f, err := s.trusted()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fail(backend.NotFound, fmt.Errorf("the file %s does not exist", s.Path))
	}
	if err != nil {
		return nil, fail(backend.Invalid, err)
	}
	if err := s.verify(f); err != nil {
		f.Close()
		return nil, fail(backend.Invalid, err)
	}
	return f, nil
}

// trusted opens the program. It does not check the file of ptycho, which contains the bundled backends: a user who starts
// ptycho trusts its file.
func (s *Spec) trusted() (*trustedFile, error) {
	if self, err := os.Executable(); err == nil && self == s.Path {
		return openSelf(s.Path)
	}
	return openTrusted(s.Path)
}

func (s *Spec) verify(f io.Reader) error {
	if s.SHA256 == "" {
		return nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("%s: %w", s.Path, err)
	}
	if have := hex.EncodeToString(h.Sum(nil)); !strings.EqualFold(have, s.SHA256) {
		return fmt.Errorf("%s has sha256 %.12s…, but %.12s… was recorded at its installation: the file was changed; install it again",
			s.Path, have, s.SHA256)
	}
	return nil
}

// startError explains in one sentence why a plugin did not start.
func (p *Process) startError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		cause := context.Cause(ctx)
		return &backend.Error{Kind: backend.Cancelled, Op: "start", What: cause.Error(), Err: cause}
	}
	var crashed *backend.Error
	if errors.As(err, &crashed) && crashed.Kind == backend.Crashed && p.runner.unresponsive.Load() {
		return crashed
	}
	fail := func(kind backend.Kind, format string, args ...any) *backend.Error {
		return backend.Errorf(kind, "start", "plugin %s: %w", p.spec.Name, fmt.Errorf(format, args...))
	}
	r := p.runner
	if r.pid() == 0 {
		return fail(backend.Invalid, "%s cannot be executed: %w", p.spec.Path, err)
	}
	line := r.handshake()
	if major, ok := handshakeMajor(line); ok && major != backend.ProtocolMajor {
		fix := "install a newer version of the plugin"
		if major > backend.ProtocolMajor {
			fix = "update ptycho, or install an older version of the plugin"
		}
		return fail(backend.Unsupported, "%s speaks protocol %d, but this ptycho speaks protocol %d.%d; %s",
			p.spec.Path, major, backend.ProtocolMajor, backend.ProtocolMinor, fix)
	}
	var known *backend.Error
	if errors.As(err, &known) && known.Kind == backend.Unsupported { // no such service
		return fail(backend.Unsupported, "%s does not speak ptycho's protocol: %w", p.spec.Path, err)
	}
	select {
	case <-r.done:
		r.waitDrained()
		if r.gaveUp() {
			break
		}
		e := fail(backend.Crashed, "%s ended before it was ready (%s)", p.spec.Path, r.exit())
		e.Tail = r.tail.lines()
		return e
	case <-time.After(exitNotice):
	}
	if _, ok := handshakeMajor(line); !ok {
		did := fmt.Sprintf("did not send a handshake within %v", p.spec.StartTimeout)
		if r.closed.Load() {
			did = "closed its standard output before the handshake"
		}
		if line != "" {
			did += fmt.Sprintf(" and printed %.80q", line)
		}
		e := fail(backend.Unsupported, "%s %s: it is not a plugin of ptycho", p.spec.Path, did)
		e.Tail = r.tail.lines()
		return e
	}
	kind := backend.Internal
	if known != nil && known.Kind == backend.Unavailable { // its engine or library is missing
		kind = known.Kind
	}
	e := fail(kind, "%s: %w", p.spec.Path, err)
	e.Tail = r.tail.lines()
	return e
}

func handshakeMajor(line string) (int, bool) {
	parts := strings.Split(strings.TrimSpace(line), "|")
	if len(parts) < 4 {
		return 0, false
	}
	major, err := strconv.Atoi(parts[1])
	return major, err == nil
}

// exitNotice limits the wait for the end of a process whose connection broke.
const exitNotice = 2 * time.Second

// lost returns the error of a call whose connection broke.
func (p *Process) lost(op string, err error) error {
	select {
	case <-p.runner.done:
	case <-time.After(exitNotice):
		e := backend.Errorf(backend.Crashed, op, "plugin %s: the connection broke: %w", p.spec.Name, err)
		e.Tail = p.tail()
		return e
	}
	if p.runner.stopped.Load() {
		return backend.Errorf(backend.Cancelled, op, "plugin %s was stopped", p.spec.Name)
	}
	p.runner.waitDrained()
	e := backend.Errorf(backend.Crashed, op, "plugin %s ended (%s)", p.spec.Name, p.runner.exit())
	e.Tail = p.tail()
	return e
}
