//go:build unix

package sdk

import (
	"os"
	"os/signal"
	"syscall"
)

// leaveSignalsToHost keeps signals that are sent to all processes of a job from ending a plugin before its host has saved
// its work. The host ends the plugin by a call, by closing the lifeline, or by SIGKILL.
func leaveSignalsToHost() {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
}
