//go:build unix

package sdk

import (
	"os"

	"golang.org/x/sys/unix"
)

// claimStdio reserves standard output for the handshake. What native code prints on descriptor 1 goes to standard error:
// before the handshake the host would take it for the handshake, and later the host might not read it. Standard input
// becomes empty.
func claimStdio() error {
	out, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return err
	}
	if err := duplicate(2, 1); err != nil {
		return err
	}
	os.Stdout = os.NewFile(uintptr(out), "handshake")
	null, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(null)
	return duplicate(null, 0)
}
