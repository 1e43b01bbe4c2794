//go:build linux || darwin || freebsd || netbsd || openbsd

package feed

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ptychogo/ptycho/core/backend"
)

const canLock = true

// lock reads the file and keeps its bytes in memory until the mapping is closed.
func (m mapping) lock(path string) error {
	if len(m.mem) == 0 {
		return nil
	}
	err := unix.Mlock(m.mem)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOMEM), errors.Is(err, unix.EPERM), errors.Is(err, unix.EAGAIN): // the limit of the process or of the machine
		return backend.Errorf(backend.Exhausted, op, "%s: its %d bytes cannot be locked in memory: %s; allow %d KiB or more with ulimit -l, or leave out --pin-memory",
			path, len(m.mem), allowed(), (len(m.mem)+1023)/1024)
	}
	return backend.Errorf(backend.Internal, op, "%s: lock %d bytes in memory: %w", path, len(m.mem), err)
}

// allowed describes how much memory this process may lock in total.
func allowed() string {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		return "the system does not allow it"
	}
	if limit.Cur > 1<<62 { // the value of "unlimited" differs between systems
		return "the machine has too little memory left"
	}
	return fmt.Sprintf("a process may lock %d KiB in total", limit.Cur/1024)
}
