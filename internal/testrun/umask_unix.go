//go:build unix

package main

import "syscall"

// closeToOthers keeps the files of the tests closed to group and others, whatever the umask of the shell is: plugins
// that others can write to are refused.
func closeToOthers() { syscall.Umask(syscall.Umask(0) | 0o022) }
