package launch

import (
	"errors"

	"golang.org/x/sys/unix"
)

// killChildren waits for the end of a process, and kills the processes that it started and left in its group. The number
// of the group cannot belong to anyone else yet, since the process has not been waited for.
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
