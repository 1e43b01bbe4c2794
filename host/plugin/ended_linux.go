package plugin

import (
	"errors"

	"golang.org/x/sys/unix"
)

// killChildren waits for the end of a process and kills the processes left in its group. The group's number cannot be in use
// by others, because the ended process has not been reaped yet.
func killChildren(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err == nil {
			killGroup(pid)
		}
		return
	}
}
