//go:build !unix

package disk

import "os"

// hold creates the lock file without a lock: this system has no locks that end with the process.
func hold(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
}

// sweepTemporary removes nothing: without locks it cannot distinguish dead from running processes.
func sweepTemporary(string) {}
