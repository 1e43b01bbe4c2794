package plugin

import (
	"fmt"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
)

// silent notifies the user that the plugin has not answered for some time.
func (p *Process) silent(op string, quiet time.Duration) {
	if p.spec.Notice == nil || p.runner.stopped.Load() {
		return
	}
	then := "waiting without a limit (--backend-timeout 0)"
	if p.spec.Timeout > 0 {
		then = fmt.Sprintf("it will be killed after %v (--backend-timeout)", p.spec.Timeout)
	}
	p.spec.Notice("backend %s has not answered for %v in %s%s; %s", p.spec.Name, rounded(quiet), op, p.condition(), then)
}

// stuck kills a plugin that has not answered for too long.
func (p *Process) stuck(op string, quiet time.Duration) error {
	e := backend.Errorf(backend.Crashed, op, "plugin %s did not answer for %v in %s%s and was killed; --backend-timeout sets this limit",
		p.spec.Name, rounded(quiet), op, p.condition())
	p.runner.unresponsive.Store(true)
	p.runner.kill()
	p.runner.waitKilled()
	p.runner.waitDrained()
	e.Tail = p.tail()
	return e
}

func rounded(d time.Duration) time.Duration {
	if d >= 10*time.Second {
		return d.Round(time.Second)
	}
	return d.Round(100 * time.Millisecond)
}

// condition describes an unusual state of the process, or returns "".
func (p *Process) condition() string {
	switch pid := p.PID(); processState(pid) {
	case 'T', 't':
		return fmt.Sprintf(" (its process %d is stopped; kill -CONT %d resumes it)", pid, pid)
	case 'D':
		return fmt.Sprintf(" (its process %d is waiting for a disk or a device)", pid)
	}
	return ""
}

// killTime limits the wait for the end of a killed process. A process that waits for a device in the kernel ends only when the
// device answers.
const killTime = 5 * time.Second

func (r *runner) waitKilled() {
	select {
	case <-r.done:
	case <-time.After(killTime):
	}
}
