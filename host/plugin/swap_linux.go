package plugin

import (
	"golang.org/x/sys/unix"
)

// swap exchanges the names of two folders in one step, or in two where the file system cannot.
func swap(a, b string) error {
	if unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE) == nil {
		return nil
	}
	return swapByName(a, b)
}
