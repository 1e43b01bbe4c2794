//go:build unix

package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// hold creates the lock file of a new folder and locks it. If a Sweep takes the folder for a dead process's before the
// lock, the error is errSwept. Only the owner of a folder creates its lock file, so a locked file that is still at its path
// was not swept and cannot be swept later.
func hold(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errSwept
	}
	if err != nil {
		return nil, err
	}
	switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK), err == nil && !current(f, path):
		f.Close()
		return nil, errSwept
	}
	// Without locks in the file system the folder still works: no Sweep can lock and remove it either.
	return f, nil
}

// current reports whether the open file is still the one at the path.
func current(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(open, there)
}

// sweepTemporary removes a folder unless its lock is held or it belongs to another user.
func sweepTemporary(path string) {
	if st, err := os.Lstat(path); err != nil || !ownedByUser(st) {
		return
	}
	name := filepath.Join(path, lockName)
	f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		_ = unix.Rmdir(path) // its creator died before the lock, or will try again; a folder with contents is not ours
		return
	}
	if err != nil {
		return
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() || !ownedByUser(st) {
		return
	}
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil && current(f, name) {
		_ = removeLocked(path) // the next Sweep tries again
	}
}

// ownedByUser reports whether a file belongs to this process's user.
func ownedByUser(st os.FileInfo) bool {
	s, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}
