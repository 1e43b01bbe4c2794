package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// hangLimit is the time after which a command of about a second counts as hung. Another backend may take seconds to start, and the host
// waits a minute for the handshake of one that hangs.
const hangLimit = 90 * time.Second

func (x extent) hangLimit() time.Duration {
	if x.Backend != "" {
		return 5 * x.Patience
	}
	return hangLimit
}

// ended describes the end of one process of ptycho.
type ended struct {
	args      []string
	code      int    // 128 + the signal where a signal ended it
	stderr    string // its standard error
	killed    bool   // by a signal that cannot be handled
	hung      bool
	disturbed bool   // the disturbance happened before the end
	note      string // describes the disturbance
	took      time.Duration
}

func (e ended) String() string {
	const enough = 240
	s := strings.TrimSpace(e.stderr)
	if len(s) > enough {
		s = "… " + s[len(s)-enough:]
	}
	note := ""
	if e.note != "" {
		note = " (" + e.note + ")"
	}
	return fmt.Sprintf("%s with code %d%s: %s", e.args[0], e.code, note, strings.ReplaceAll(s, "\n", " / "))
}

// disturber disturbs a running process. It returns early when done is closed. It reports whether it did something, and
// describes it.
type disturber func(pid int, done <-chan struct{}) (bool, string)

// launch changes the way in which ptycho is started.
type launch struct {
	disturb        disturber
	stdout, stderr *os.File // instead of files
	shim           []string // variables for the shim that starts ptycho
}

// environment returns the environment of ptycho: temporary files and its home are in the worker's folder.
func (w *worker) environment(more ...string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + filepath.Join(w.dir, "tmp"), "HOME=" + filepath.Join(w.dir, "home")}
	return append(env, more...)
}

// start runs ptycho in the worker's folder to its end. l may be nil.
func (w *worker) start(args []string, l *launch) ended {
	if l == nil {
		l = &launch{}
	}
	e := ended{args: args}
	program, env := w.program, w.environment()
	argv := args
	if l.shim != nil {
		program, argv, env = "/proc/self/exe", append([]string{w.program}, args...), w.environment(append(l.shim, modeVariable+"=shim")...)
	}
	cmd := exec.Command(program, argv...)
	cmd.Dir, cmd.Env = w.dir, env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, errs, err := w.logs()
	if err != nil {
		return e.failed(err)
	}
	defer out.Close()
	defer errs.Close()
	cmd.Stdout, cmd.Stderr = out, errs
	if l.stdout != nil {
		cmd.Stdout = l.stdout
	}
	if l.stderr != nil {
		cmd.Stderr = l.stderr
	}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return e.failed(err)
	}
	done, disturbed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(disturbed)
		if l.disturb != nil {
			e.disturbed, e.note = l.disturb(cmd.Process.Pid, done)
		}
	}()
	limit := time.AfterFunc(w.extent.hangLimit(), func() {
		e.hung = true
		_ = cmd.Process.Kill() // fails if it has ended
	})
	err = cmd.Wait()
	limit.Stop()
	close(done)
	<-disturbed
	e.took = time.Since(begun)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return e.failed(err)
	}
	e.status(cmd.ProcessState.Sys().(syscall.WaitStatus))
	e.stderr = w.read("log/stderr")
	return e
}

func (e *ended) status(s syscall.WaitStatus) {
	e.code = s.ExitStatus()
	if s.Signaled() {
		e.code, e.killed = 128+int(s.Signal()), true
	}
}

func (e ended) failed(err error) ended {
	e.code, e.note = -1, err.Error()
	return e
}

// logs opens new files for the output of a process.
func (w *worker) logs() (out, errs *os.File, err error) {
	if out, err = os.Create(filepath.Join(w.dir, "log/stdout")); err != nil {
		return nil, nil, err
	}
	if errs, err = os.Create(filepath.Join(w.dir, "log/stderr")); err != nil {
		out.Close()
		return nil, nil, err
	}
	return out, errs, nil
}

func (w *worker) read(name string) string {
	content, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		return err.Error()
	}
	return string(content)
}

// panicText matches the dump of a Go program.
var panicText = regexp.MustCompile(`(?m)^(panic: |fatal error: |goroutine \d+ \[|.*runtime error:)`)

// children lists the child processes of a process that have not been reaped.
func children(pid int) []int {
	var out []int
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil
	}
	for _, list := range lists {
		content, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for _, field := range strings.Fields(string(content)) {
			if child, err := strconv.Atoi(field); err == nil {
				out = append(out, child)
			}
		}
	}
	return out
}

// running reports whether a process runs and is not a zombie.
func running(pid int) bool {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, ok := strings.Cut(string(content), ") ")
	return ok && rest[0] != 'Z' && rest[0] != 'X'
}

// orphans waits until every process below the worker has ended. It kills those that remain after a few seconds and returns
// their number.
func (x extent) orphans() int {
	patience := 8 * time.Second // a plugin detects the end of its host by a closed pipe
	if x.Backend != "" {
		patience = x.Patience // it may be busy with the import of its engine
	}
	self := os.Getpid()
	for begun := time.Now(); ; time.Sleep(3 * time.Millisecond) {
		var left []int
		for _, child := range children(self) {
			if running(child) {
				left = append(left, child)
				continue
			}
			_, _ = syscall.Wait4(child, nil, syscall.WNOHANG, nil) // reap inherited processes
		}
		if len(left) == 0 {
			return 0
		}
		if time.Since(begun) > patience {
			for _, pid := range left {
				_ = syscall.Kill(pid, syscall.SIGKILL) // fails if it has ended
			}
			return len(left)
		}
	}
}
