//go:build unix

package registry

import (
	"os"
	"syscall"
	"testing"
)

// TestMain opens what the tests make to others only where a test says so: plugins in such folders are refused.
func TestMain(m *testing.M) {
	syscall.Umask(0o022)
	os.Exit(m.Run())
}
