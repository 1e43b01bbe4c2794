//go:build unix

package sdk

import (
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ptychogo/ptycho/sdk/wire"
)

// watchLifeline ends the process when the host is gone, however it went: the kernel closes the host's end of the pipe.
// A death signal from the kernel would follow the host's thread, not its process.
func watchLifeline() {
	fd, err := strconv.Atoi(os.Getenv(wire.LifelineKey))
	if err != nil || fd < 3 {
		return
	}
	os.Unsetenv(wire.LifelineKey) // our own children have no such pipe
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
			os.Exit(0) // nobody is there to read another code
		}
	}()
}

// removeSockets tidies up what the host would have: the sockets in the folder that it made for them, and the folder.
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
	os.Remove(dir) // stays when something else lies in it
}
