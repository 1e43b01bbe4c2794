package engine

import (
	"errors"
	"os"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ptychogo/ptycho/core/backend"
)

// allowed are the cores that this process could use when it started.
var allowed = sync.OnceValues(func() (unix.CPUSet, error) {
	var set unix.CPUSet
	err := unix.SchedGetaffinity(0, &set)
	return set, err
})

// SetThreads restricts the process to n cores, or to all that it started with if n is 0. The number of XLA's threads cannot be
// set below four. The bits of results do not depend on n.
func SetThreads(n int) error {
	all, err := allowed()
	if err != nil {
		return backend.Errorf(backend.Unavailable, "threads", "cannot read the cores of this process for --threads: %w", err)
	}
	set := all
	if count := all.Count(); n > 0 && n < count {
		set.Zero()
		first := here() // another process that starts at the same time runs elsewhere
		for i := 0; set.Count() < n && i < maxCores; i++ {
			if core := (first + i) % maxCores; all.IsSet(core) {
				set.Set(core)
			}
		}
	}
	// A new thread inherits the cores of the thread that started it, which may not have been restricted yet.
	seen := map[string]bool{}
	for fresh := true; fresh; {
		fresh = false
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return backend.Errorf(backend.Unavailable, "threads", "cannot list the threads of this process for --threads: %w", err)
		}
		for _, t := range threads {
			id, err := strconv.Atoi(t.Name())
			if err != nil || seen[t.Name()] {
				continue
			}
			seen[t.Name()], fresh = true, true
			if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) { // it may have ended
				return backend.Errorf(backend.Unavailable, "threads", "cannot restrict this process to %d cores for --threads: %w", n, err)
			}
		}
	}
	return nil
}

// maxCores is the number of cores that a CPUSet can hold.
const maxCores = 1024

// here returns the number of the core that runs this thread.
func here() int {
	var core uint32
	if _, _, failed := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&core)), 0, 0); failed != 0 {
		return 0
	}
	return int(core)
}
