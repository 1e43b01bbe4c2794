//go:build unix

package conformance

import "syscall"

// groupLives reports whether a process of the group that a plugin's process began still runs.
func groupLives(pid int) bool { return syscall.Kill(-pid, 0) == nil }

// processorTime returns the seconds that this process has computed, 0 if they are not known.
func processorTime() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
