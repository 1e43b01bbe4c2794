//go:build !unix

package launch

import "os/exec"

func setGroup(*exec.Cmd) {}

// killGroup kills the process alone: it has no group.
func killGroup(int) {}
