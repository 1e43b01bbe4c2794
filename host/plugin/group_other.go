//go:build !unix

package plugin

import "os/exec"

func setGroup(*exec.Cmd) {}

// killGroup does nothing: processes have no groups on this system.
func killGroup(int) {}
