package feed

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// locked returns how much memory of this process is locked (KiB).
func locked(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("this system has no /proc: ", err)
	}
	_, rest, ok := strings.Cut(string(text), "VmLck:")
	line, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(line), " kB"))
	if !ok || err != nil {
		t.Skipf("/proc/self/status has no VmLck: %q", line)
	}
	return n
}

// large returns a dataset with one file of the given size.
func large(t *testing.T, kib int) (backend.Dataset, []program.Input) {
	t.Helper()
	in := []program.Input{{Name: "x", Type: program.Type{Kind: program.Real, Shape: program.Shape{-1, 1024}}}}
	return backend.Dataset{Patterns: kib, Arrays: []backend.Array{{Input: "x", Gather: backend.PerPattern,
		File: &backend.FileRef{Path: file(t, make([]byte, kib<<10)), DType: tensor.Uint8, Shape: []int{kib, 1024}}}}}, in
}

func TestPin_LocksUntilClosed(t *testing.T) {
	const kib = 256
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		t.Fatal(err)
	}
	d, in := large(t, kib)
	for _, pin := range []bool{false, true} {
		s := NewSession(&program.Program{Inputs: in, Group: 1}, Options{Pin: pin})
		before := locked(t)
		_, err := s.Bind(t.Context(), d)
		if backend.KindOf(err) == backend.Exhausted && limit.Cur < kib<<10 {
			t.Skipf("this process may lock only %d bytes: %v", limit.Cur, err)
		}
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		if pin {
			want = kib
		}
		if got := locked(t) - before; got != want {
			t.Errorf("pinned %v: %d KiB are locked by a file of %d KiB, want %d", pin, got, kib, want)
		}
		if err := s.CloseAll(); err != nil {
			t.Error(err)
		}
		if got := locked(t) - before; got != 0 {
			t.Errorf("pinned %v: %d KiB stay locked", pin, got)
		}
	}
}

// forbid removes this thread's privilege to exceed the limit on locked memory, and sets the limit.
func forbid(t *testing.T, bytes uint64) {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var rights [2]unix.CapUserData
	if err := unix.Capget(&header, &rights[0]); err != nil {
		t.Skip("the capabilities of this thread cannot be read: ", err)
	}
	less := rights
	less[0].Effective &^= 1 << unix.CAP_IPC_LOCK
	if err := unix.Capset(&header, &less[0]); err != nil {
		t.Skip("the capability to lock memory cannot be dropped: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Capset(&header, &rights[0]); err != nil {
			t.Error(err)
		}
	})
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: bytes, Max: limit.Max}); err != nil {
		t.Skip("the limit cannot be lowered: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
			t.Error(err)
		}
	})
}

func TestPin_LimitErrorIsOneSentence(t *testing.T) {
	for _, allowed := range []uint64{0, 128 << 10} {
		t.Run(strconv.Itoa(int(allowed)), func(t *testing.T) {
			d, in := large(t, 256)
			forbid(t, allowed)
			before := locked(t)
			s := NewSession(&program.Program{Inputs: in, Group: 1}, Options{Pin: true})
			defer s.CloseAll()
			_, err := s.Bind(t.Context(), d)
			if backend.KindOf(err) != backend.Exhausted {
				t.Fatalf("a file of 256 KiB where %d bytes may be locked: %v", allowed, err)
			}
			for _, say := range []string{filepath.Base(d.Arrays[0].File.Path), "262144 bytes", "ulimit -l", "256 KiB", strconv.Itoa(int(allowed>>10)) + " KiB in total"} {
				if !strings.Contains(err.Error(), say) {
					t.Errorf("%q does not say %q", err, say)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q is more than one line", err)
			}
			if got := locked(t) - before; got != 0 {
				t.Errorf("a refused dataset keeps %d KiB locked", got)
			}
		})
	}
}
