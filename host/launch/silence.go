package launch

import (
	"fmt"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
)

// silent tells the user that the plugin has not answered for a while.
func (p *Process) silent(op string, quiet time.Duration) {
	if p.spec.Notice == nil || p.runner.stopped.Load() {
		return
	}
	then := "it may take as long as it likes (--backend-timeout 0)"
	if p.spec.Timeout > 0 {
		then = fmt.Sprintf("it is killed after %v (--backend-timeout)", p.spec.Timeout)
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
	e.Tail = p.Tail()
	return e
}

func rounded(d time.Duration) time.Duration {
	if d >= 10*time.Second {
		return d.Round(time.Second)
	}
	return d.Round(100 * time.Millisecond)
}

// condition says what the system knows of the process, "" when that is nothing special.
func (p *Process) condition() string {
	switch pid := p.PID(); processState(pid) {
	case 'T', 't':
		return fmt.Sprintf(" (its process %d is stopped; kill -CONT %d lets it go on)", pid, pid)
	case 'D':
		return fmt.Sprintf(" (its process %d waits for a disk or a device)", pid)
	}
	return ""
}

// killTime is how long a killed process may take to be gone: one that waits for a device in the kernel stays until the
// device answers, and the host does not wait for it.
const killTime = 5 * time.Second

func (r *runner) waitKilled() {
	select {
	case <-r.done:
	case <-time.After(killTime):
	}
}
