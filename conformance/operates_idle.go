package conformance

import (
	"context"
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/backend"
)

// A process is idle if, in one of idleTries intervals, it computes for at most idleShare of the time that the suite computes itself. An interval
// lasts until the suite has computed for ownTime, in seconds: on a busy machine a process that waits busily gets as little of the time as the
// suite. A library's threads may wait busily for some tenths of a second after a call.
const (
	ownTime   = 0.1
	idleTries = 8
	idleShare = 0.3
)

// idle measures the processor time of a second process after a call, then after its session closed.
func idle(s *subject) error {
	w, err := ledger(3)
	if err != nil {
		return err
	}
	return s.observe("processor time", w, func(o observed) error {
		if err := o.session.Evaluate(s.ctx, evaluation(o.ref), collect[backend.EvalResult](nil)); err != nil {
			return err
		}
		if err := s.rests(o.process, "after Evaluate, with its session open"); err != nil {
			return err
		}
		o.subject.sessions = nil
		if err := o.session.Close(); err != nil {
			return fmt.Errorf("close: %w", err)
		}
		return s.rests(o.process, "after its session closed")
	})
}

// rests waits until the process is idle for one interval.
func (s *subject) rests(p Process, when string) error {
	least := math.Inf(1)
	for range idleTries {
		before, _, _ := p.Usage()
		own := processorTime()
		for processorTime()-own < ownTime {
			if s.ctx.Err() != nil {
				return context.Cause(s.ctx)
			}
		}
		after, _, _ := p.Usage()
		if least = min(least, (after-before)/(processorTime()-own)); least <= idleShare {
			return nil
		}
	}
	return fmt.Errorf("the process uses a processor between calls, %s: at least %.0f %% of the time that the suite computes meanwhile, in each of %d attempts", when, 100*least, idleTries)
}
