//go:build unix

package registry

import (
	"os"
	"syscall"
	"testing"
)

// TestMain sets a umask so that files are not writable by others, because plugins in such folders are rejected.
func TestMain(m *testing.M) {
	syscall.Umask(0o022)
	os.Exit(m.Run())
}
