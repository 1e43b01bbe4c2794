//go:build !unix

package disk

import (
	"errors"
	"os"
)

// locks reports whether the system has locks that end with the process that holds them.
const locks = false

// TryLock does nothing because the system has no locks that end with the process.
func TryLock(*os.File) (held bool, err error) { return false, errors.ErrUnsupported }

func unsupported(err error) bool { return errors.Is(err, errors.ErrUnsupported) }
