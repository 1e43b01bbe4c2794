//go:build unix

package sdk

import (
	"os"
	"os/signal"
	"syscall"
)

// leaveSignalsToHost ignores signals that are sent to all processes of a job, so that a plugin does not end before its host
// has saved its work. The host ends the plugin with a call, by closing the lifeline, or with SIGKILL.
func leaveSignalsToHost() {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
}
