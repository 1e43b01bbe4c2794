package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// inMemory creates a file in memory, without a name.
func inMemory() (*TemporaryFile, error) {
	// The first flag forbids executing the file and allows sealing it; kernels before 6.3 do not support it.
	fd, err := unix.MemfdCreate("ptycho", unix.MFD_CLOEXEC|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate("ptycho", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), "temporary file in memory")
	path, ok := visible(f)
	if !ok {
		f.Close()
		return nil, errors.New("/proc does not show this process's files")
	}
	return &TemporaryFile{f, path, nil}, nil
}

// onDisk creates a file in a folder, without a name where the file system and /proc allow it.
func onDisk(folder string) (*TemporaryFile, error) {
	if fd, err := unix.Open(folder, unix.O_TMPFILE|unix.O_RDWR|unix.O_EXCL|unix.O_CLOEXEC, 0o600); err == nil {
		f := os.NewFile(uintptr(fd), "temporary file in "+folder)
		if path, ok := visible(f); ok {
			return &TemporaryFile{f, path, nil}, nil
		}
		f.Close()
	}
	n, err := named(folder)
	if err != nil {
		return nil, err
	}
	if path, ok := visible(n.File); ok {
		_ = n.folder.Remove() // the file stays open without its name
		n.path, n.folder = path, nil
	}
	return n, nil
}

// visible returns the path below /proc at which other processes can open the file. ok is false if there is no /proc, if it
// shows another namespace of processes, or if the system hides this process's files from other processes of the same user.
func visible(f *os.File) (path string, ok bool) {
	path = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd())
	there, err := os.Stat(path)
	if err != nil {
		return "", false
	}
	here, err := f.Stat()
	if err != nil || !os.SameFile(here, there) {
		return "", false
	}
	shown, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	return path, err == nil && shown == 1
}

// Seal makes the content final for every process that opens the file: it cannot be changed or truncated while it is read.
// Only a file in memory can be sealed; for others Seal does nothing.
func (f *TemporaryFile) Seal() {
	_, _ = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE|unix.F_SEAL_SEAL) // an unsealed file works too
	runtime.KeepAlive(f)
}

// sameFileSystem reports whether a folder is on the file system of a file.
func sameFileSystem(file fs.FileInfo, folder string) bool {
	at, err := os.Stat(folder)
	if err != nil {
		return false
	}
	a, ok := file.Sys().(*syscall.Stat_t)
	b, known := at.Sys().(*syscall.Stat_t)
	return ok && known && a.Dev == b.Dev
}

// room returns the free bytes of a folder's file system.
func room(folder string) (int64, bool) {
	var st unix.Statfs_t
	if unix.Statfs(folder, &st) != nil {
		return 0, false
	}
	return int64(st.Bavail) * st.Bsize, true //nolint:unconvert // the types differ from machine to machine
}
