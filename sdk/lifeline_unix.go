//go:build unix

package sdk

import (
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ptychogo/ptycho/sdk/wire"
)

// watchLifeline ends the process when the host has ended for any reason: the kernel then closes the host's end of the pipe.
// The kernel's parent-death signal is not used because it follows the host's thread, not its process.
func watchLifeline() {
	fd, err := strconv.Atoi(os.Getenv(wire.LifelineKey))
	if err != nil || fd < 3 {
		return
	}
	os.Unsetenv(wire.LifelineKey) // child processes do not inherit the pipe
	unix.CloseOnExec(fd)
	sockets := os.Getenv(wire.SocketKey)
	go func() {
		buf := make([]byte, 1)
		for {
			n, err := unix.Read(fd, buf)
			if n > 0 || err == unix.EINTR {
				continue
			}
			removeSockets(sockets)
			os.Exit(0) // the host is gone, so no code is read
		}
	}()
}

// removeSockets removes the sockets in the folder that the host created for them, and the folder, in place of the host.
func removeSockets(dir string) {
	entries, err := os.ReadDir(dir)
	if dir == "" || err != nil {
		return
	}
	for _, e := range entries {
		if e.Type()&os.ModeSocket != 0 {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
	os.Remove(dir) // fails if other files remain
}
