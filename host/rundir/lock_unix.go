//go:build unix

package rundir

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// hold locks the directory against a second run. The system releases the lock when the process ends, however it does.
func (d *Dir) hold() error {
	f, err := os.OpenFile(d.Path(".lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return fmt.Errorf("run directory %s: %w", d.target, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return fmt.Errorf("run directory %s is in use by another run: wait for it or give another directory", d.target)
	}
	d.lock = f
	return nil
}
