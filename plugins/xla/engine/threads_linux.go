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

// allowed are the cores that this process may use, as it was started.
var allowed = sync.OnceValues(func() (unix.CPUSet, error) {
	var set unix.CPUSet
	err := unix.SchedGetaffinity(0, &set)
	return set, err
})

// SetThreads keeps the whole process to n cores, 0 for all that it was started with: the number of XLA's own threads
// cannot go below four. The bits of results do not depend on it.
func SetThreads(n int) error {
	all, err := allowed()
	if err != nil {
		return backend.Errorf(backend.Unavailable, "threads", "the cores of this process: %w", err)
	}
	set := all
	if count := all.Count(); n > 0 && n < count {
		set.Zero()
		first := here() // another process started beside this one runs elsewhere
		for i := 0; set.Count() < n && i < maxCores; i++ {
			if core := (first + i) % maxCores; all.IsSet(core) {
				set.Set(core)
			}
		}
	}
	// A thread that starts meanwhile has the cores of the one that started it, which may not have been reached yet.
	seen := map[string]bool{}
	for fresh := true; fresh; {
		fresh = false
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return backend.Errorf(backend.Unavailable, "threads", "the threads of this process: %w", err)
		}
		for _, t := range threads {
			id, err := strconv.Atoi(t.Name())
			if err != nil || seen[t.Name()] {
				continue
			}
			seen[t.Name()], fresh = true, true
			if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) { // it may have ended
				return backend.Errorf(backend.Unavailable, "threads", "keeping to %d cores: %w", n, err)
			}
		}
	}
	return nil
}

// maxCores is how many cores a CPUSet can name.
const maxCores = 1024

// here is the number of the core that runs this.
func here() int {
	var core uint32
	if _, _, failed := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&core)), 0, 0); failed != 0 {
		return 0
	}
	return int(core)
}
