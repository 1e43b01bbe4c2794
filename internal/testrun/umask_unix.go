//go:build unix

package main

import "syscall"

// closeToOthers removes write permission for group and others from the tests' files, whatever the umask of the shell:
// plugins that others can write to are rejected.
func closeToOthers() { syscall.Umask(syscall.Umask(0) | 0o022) }
