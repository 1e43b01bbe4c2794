//go:build unix

package launch

import (
	"os/exec"
	"syscall"
)

// setGroup keeps a terminal's Ctrl-C from the plugin: what it means is the host's to decide.
func setGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
