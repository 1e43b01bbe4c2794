//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package feed

import (
	"runtime"

	"github.com/ptychogo/ptycho/core/backend"
)

const canLock = false

func (mapping) lock(path string) error {
	return backend.Errorf(backend.Unsupported, op, "%s: files cannot be locked in memory on %s; leave out --pin-memory", path, runtime.GOOS)
}
