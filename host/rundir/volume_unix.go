//go:build unix

package rundir

import (
	"errors"

	"golang.org/x/sys/unix"
)

// crosses says whether a rename failed because its two names lie on different file systems.
func crosses(err error) bool { return errors.Is(err, unix.EXDEV) }
