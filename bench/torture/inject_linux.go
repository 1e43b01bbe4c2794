package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// calls lists the system calls that change a file system. A process is killed at the entry of one of them. Thus each state of
// the folders between two calls corresponds to one kill.
var calls = []struct {
	name   string
	number uint32
}{
	{"unlinkat", unix.SYS_UNLINKAT},
	{"renameat", unix.SYS_RENAMEAT},
	{"renameat2", unix.SYS_RENAMEAT2},
	{"fsync", unix.SYS_FSYNC},
	{"fdatasync", unix.SYS_FDATASYNC},
	{"flock", unix.SYS_FLOCK},
	{"mkdirat", unix.SYS_MKDIRAT},
	{"linkat", unix.SYS_LINKAT},
	{"symlinkat", unix.SYS_SYMLINKAT},
	{"ftruncate", unix.SYS_FTRUNCATE},
	{"openat O_CREAT", unix.SYS_OPENAT},
}

// shimFailed is the exit code of a shim that could not become ptycho.
const shimFailed = 125

// modeVariable selects the mode of this program when it starts itself: work or shim.
const modeVariable = "PTYCHO_TORTURE_MODE"

// Variables that the shim obeys before it becomes ptycho.
const (
	fileSizeVariable = "PTYCHO_TORTURE_FSIZE" // bytes: RLIMIT_FSIZE
	traceVariable    = "PTYCHO_TORTURE_TRACE" // 1: calls stop for the tracer
)

// shim sets limits that a Go program cannot set for a child, and becomes the program that the arguments name.
func shim() error {
	runtime.LockOSThread()
	if text := os.Getenv(fileSizeVariable); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return err
		}
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: n, Max: n}); err != nil {
			return fmt.Errorf("setrlimit: %w", err)
		}
	}
	if os.Getenv(traceVariable) != "" {
		if err := stopAtCalls(); err != nil {
			return fmt.Errorf("seccomp: %w", err)
		}
	}
	for _, name := range []string{modeVariable, fileSizeVariable, traceVariable} {
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	return syscall.Exec(os.Args[1], os.Args[1:], os.Environ())
}

// stopAtCalls installs a seccomp filter that stops the thread for its tracer at each of calls.
func stopAtCalls() error {
	const (
		number, flags = 0, 16 + 2*8 // offsets in struct seccomp_data: the call, the low half of its third argument
		load          = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal         = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		bits          = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		give          = unix.BPF_RET | unix.BPF_K
	)
	filter := []unix.SockFilter{{Code: load, K: number}}
	for i, c := range calls {
		stop := unix.SockFilter{Code: give, K: unix.SECCOMP_RET_TRACE | uint32(i)}
		if c.number == unix.SYS_OPENAT {
			filter = append(filter, unix.SockFilter{Code: equal, K: c.number, Jf: 3}, unix.SockFilter{Code: load, K: flags},
				unix.SockFilter{Code: bits, K: unix.O_CREAT, Jf: 1}, stop)
			continue
		}
		filter = append(filter, unix.SockFilter{Code: equal, K: c.number, Jf: 1}, stop)
	}
	filter = append(filter, unix.SockFilter{Code: give, K: unix.SECCOMP_RET_ALLOW})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
}

// injected runs ptycho and kills the process that enters the k-th call (from 1), counted over all threads and plugins. If there
// are fewer calls nothing is disturbed. An error means that processes cannot be traced on this system.
func (w *worker) injected(args []string, k int) (ended, error) {
	runtime.LockOSThread() // ptrace belongs to a thread
	defer runtime.UnlockOSThread()
	e := ended{args: args}
	out, errs, err := w.logs()
	if err != nil {
		return e, err
	}
	defer out.Close()
	defer errs.Close()
	cmd := exec.Command("/proc/self/exe", append([]string{w.program}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = w.dir, w.environment(modeVariable+"=shim", traceVariable+"=1"), out, errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Ptrace: true}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return e, fmt.Errorf("ptrace: %w", err)
	}
	host := cmd.Process.Pid
	limit := time.AfterFunc(w.extent.hangLimit(), func() {
		e.hung = true
		killTree(host)
	})
	defer limit.Stop()
	t := tracer{host: host, known: map[int]bool{host: true}, at: k}
	err = t.follow(&e)
	e.took, e.stderr = time.Since(begun), w.read("log/stderr")
	_ = cmd.Process.Release() // follow has reaped the process
	if err != nil {
		killTree(host)
		return e, err
	}
	if e.code == shimFailed && !e.disturbed {
		return e, errors.New(strings.TrimSpace(e.stderr))
	}
	return e, nil
}

type tracer struct {
	host  int
	known map[int]bool // traced threads
	at    int          // the call at which to kill
	seen  int
}

// follow lets all traced threads run until the last has ended.
func (t *tracer) follow(e *ended) error {
	options := unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC |
		unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_EXITKILL
	begun := false
	for len(t.known) > 0 {
		var s unix.WaitStatus
		tid, err := unix.Wait4(-1, &s, unix.WALL, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("wait: %w", err)
		}
		if !s.Stopped() {
			if tid == t.host {
				e.status(syscall.WaitStatus(s))
			}
			delete(t.known, tid)
			continue
		}
		if !begun { // the first stop is that of the shim's exec
			if err := unix.PtraceSetOptions(tid, options); err != nil {
				return fmt.Errorf("ptrace: %w", err)
			}
			begun = true
			_ = unix.PtraceCont(tid, 0) // it may have been killed
			continue
		}
		signal := 0
		switch {
		case !t.known[tid]: // a new thread or process begins with a stop
			t.known[tid] = true
		case s.StopSignal() != unix.SIGTRAP:
			signal = int(s.StopSignal())
		case s.TrapCause() == unix.PTRACE_EVENT_SECCOMP:
			t.entered(tid, e)
		case s.TrapCause() == unix.PTRACE_EVENT_EXEC: // the thread takes the number of its process
			if former, err := unix.PtraceGetEventMsg(tid); err == nil && int(former) != tid {
				delete(t.known, int(former))
			}
		case s.TrapCause() == 0:
			signal = int(unix.SIGTRAP)
		}
		_ = unix.PtraceCont(tid, signal) // it may have been killed
	}
	return nil
}

// entered counts a call, and kills the caller at the requested call.
func (t *tracer) entered(tid int, e *ended) {
	if t.seen++; t.seen != t.at {
		return
	}
	index, err := unix.PtraceGetEventMsg(tid)
	if err != nil || int(index) >= len(calls) {
		return // the thread has ended meanwhile
	}
	e.disturbed = true
	e.note = calls[index].name
	_ = unix.Kill(tid, unix.SIGKILL) // reaches the whole process
}

// killTree kills a process and all its descendants.
func killTree(pid int) {
	for _, child := range children(pid) {
		killTree(child)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
}
