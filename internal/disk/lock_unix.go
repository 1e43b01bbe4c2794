//go:build unix

package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// locks reports whether the system has locks that end with the process that holds them.
const locks = true

// TryLock locks an open file against all other processes and all other open files of this one. It reports whether the lock
// is held; an error means that the file system has no locks. The system releases the lock when the file is closed or the
// process ends for any reason.
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

// unsupported reports whether an error means that a file system does not support an operation.
func unsupported(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS)
}
