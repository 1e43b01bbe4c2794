//go:build unix

package nvrtc

import (
	"os"
	"syscall"
)

// private reports whether a folder belongs to this user and nobody else can write to it.
func private(folder string) bool {
	st, err := os.Stat(folder)
	if err != nil {
		return false
	}
	owner, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Geteuid() && st.Mode().Perm()&0o022 == 0
}
