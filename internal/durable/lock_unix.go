//go:build unix

package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// locks says whether the system has locks that end with the process that holds them.
const locks = true

// TryLock locks an open file against every other process and every other open file of this one. It says whether the lock is
// held; an error means that the file system has no locks. The system releases the lock when the file is closed or the
// process ends, however it ends.
func TryLock(f *os.File) (held bool, err error) {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, err
		}
	}
}

// unsupported says whether a file system cannot do what was asked.
func unsupported(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS)
}
