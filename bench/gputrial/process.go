//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The programs of the bundle.
const (
	program        = "ptycho"
	backendProgram = "ptycho-backend-xla"
	dynamicProgram = "gorgonia-dynamic" // the Gorgonia backend, linked so that tools can load their libraries into it
	peerScript     = "unet_step.py"
)

// How many bytes of a command's output are kept.
const (
	maxOutput = 16 << 20
	maxErrors = 64 << 10
)

// ended reports the end of a command.
type ended struct {
	stdout, stderr []byte
	took           time.Duration
	err            error // nil: exit code 0
}

// command is a process to run, in a new process group.
type command struct {
	path      string
	args      []string
	env       []string      // further variables
	limit     time.Duration // 0: the limit of the context
	keep      bool          // its remaining processes are not killed
	tolerates []int         // exit codes that are not errors
}

// unkillable is how long the trial waits for a killed process to end before it continues.
const unkillable = 5 * time.Second

// execute runs a command. At its limit, or the stage's limit, it kills the command and every process that the command started: a
// plugin has its own process group and may be stopped, so it would not notice the group's end or a closed pipe.
func (t *trial) execute(ctx context.Context, c command) ended {
	if c.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.limit)
		defer cancel()
	}
	stdout, stderr := &tail{limit: maxOutput}, &tail{limit: maxErrors}
	cmd := exec.Command(c.path, c.args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = t.work, append(t.environment(c.path), c.env...), stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second // a remaining process may hold the pipes open
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return ended{err: err}
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		killOffspring(t.memory.pids())
		err = fmt.Errorf("killed after %.1f s", time.Since(began).Seconds())
		select {
		case <-done:
		case <-time.After(unkillable):
			return ended{took: time.Since(began), err: fmt.Errorf("%s %s: %w; the process does not end, perhaps because it waits for a driver", filepath.Base(c.path), first(c.args), err)}
		}
	}
	if !c.keep {
		killOffspring(t.memory.pids())
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	var exit *exec.ExitError
	for _, code := range c.tolerates {
		if errors.As(err, &exit) && exit.ExitCode() == code {
			err = nil
		}
	}
	e := ended{stdout.bytes(), stderr.bytes(), time.Since(began), err}
	if err != nil {
		e.err = fmt.Errorf("%s %s: %w: %s", filepath.Base(c.path), first(c.args), err, e.lastWords())
	}
	return e
}

// first returns the argument that names the action of a command.
func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// lastWords returns the end of a command's messages or output: ptycho's error if there is one, else a few lines.
func (e ended) lastWords() string {
	const lines, most = 3, 400
	for _, text := range [][]byte{e.stderr, e.stdout} {
		all := strings.Split(strings.TrimSpace(string(text)), "\n")
		last := all[len(all)-1]
		if !strings.HasPrefix(last, program+": ") {
			last = strings.Join(all[max(0, len(all)-lines):], " / ")
		}
		if last != "" {
			return strings.ToValidUTF8(last[max(0, len(last)-most):], "")
		}
	}
	return "it printed nothing"
}

// ptycho runs the bundle's ptycho.
func (t *trial) ptycho(ctx context.Context, args ...string) ended {
	return t.execute(ctx, command{path: filepath.Join(t.bin, program), args: args})
}

// tail keeps the last bytes that were written to it.
type tail struct {
	limit int
	buf   bytes.Buffer
}

func (w *tail) Write(b []byte) (int, error) {
	w.buf.Write(b)
	if extra := w.buf.Len() - 2*w.limit; extra > 0 { // twice the limit, to avoid a copy at every write
		w.buf.Next(w.buf.Len() - w.limit)
	}
	return len(b), nil
}

func (w *tail) bytes() []byte {
	b := w.buf.Bytes()
	return b[max(0, len(b)-w.limit):]
}

// adoptOrphans makes processes whose parent ended children of this process, so that killOffspring finds them.
func adoptOrphans() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// killOffspring kills every process that this process started, directly or not, except those in spare and their offspring. It
// waits for killed orphans; exec waits for the processes that it started.
func killOffspring(spare []int) {
	for range 10 { // a process may start another while it is killed
		victims := offspring(os.Getpid(), spare)
		if len(victims) == 0 {
			return
		}
		for _, pid := range victims {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// offspring lists the descendants of a process, without zombies.
func offspring(of int, spare []int) []int {
	children := map[int][]int{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // the name in parentheses may hold anything
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if len(fields) > 1 && fields[0] != "Z" {
			parent, _ := strconv.Atoi(fields[1])
			children[parent] = append(children[parent], pid)
		}
	}
	spared := map[int]bool{}
	for _, pid := range spare {
		spared[pid] = true
	}
	var out []int
	for next := []int{of}; len(next) > 0; next = next[1:] {
		for _, pid := range children[next[0]] {
			if !spared[pid] {
				out, next = append(out, pid), append(next, pid)
			}
		}
	}
	return out
}
