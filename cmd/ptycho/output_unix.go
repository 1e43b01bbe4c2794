//go:build unix

package main

import "golang.org/x/sys/unix"

// outputClosed reports whether the reader of standard output or standard error has closed it.
func outputClosed() bool {
	for _, fd := range []int32{1, 2} {
		p := []unix.PollFd{{Fd: fd, Events: unix.POLLOUT}}
		if n, err := unix.Poll(p, 0); err == nil && n == 1 && p[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0 {
			return true
		}
	}
	return false
}
