//go:build unix

package output

import (
	"errors"

	"golang.org/x/sys/unix"
)

// crosses reports whether a rename failed because its two names are on different file systems.
func crosses(err error) bool { return errors.Is(err, unix.EXDEV) }
