//go:build unix

package conformance

import "syscall"

// groupLives reports whether a process of the group that a plugin's process began still runs.
func groupLives(pid int) bool { return syscall.Kill(-pid, 0) == nil }
