//go:build unix

package launch

import (
	"os/exec"
	"syscall"
)

// setGroup keeps a terminal's Ctrl-C from the plugin: what it means is the host's to decide.
func setGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killGroup kills a process that has not been waited for, and the processes that it started.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }
