//go:build unix

package plugin

import (
	"os/exec"
	"syscall"
)

// setGroup keeps a terminal's Ctrl-C from the plugin: the host decides how to react.
func setGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killGroup kills a process that has not been reaped, and its child processes.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }
