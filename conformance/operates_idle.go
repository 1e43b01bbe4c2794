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
	p, stop, err := s.another()
	if err != nil {
		return err
	}
	defer stop() //nolint:errcheck // all results are received
	if _, now, _ := p.Usage(); now == 0 {
		return &skip{reason: "the processor time of a process cannot be read on this system"}
	}
	w, err := ledger(3)
	if err != nil {
		return err
	}
	one, done := s.in(p)
	defer done()
	session, ref, err := one.open(w, 1)
	if err != nil {
		return err
	}
	plan := backend.EvalPlan{Dataset: ref.Dataset, Batches: []backend.Batch{ref.Batch}}
	if err := session.Evaluate(s.ctx, plan, collect[backend.EvalResult](nil)); err != nil {
		return err
	}
	if err := s.rests(p, "after Evaluate, with its session open"); err != nil {
		return err
	}
	one.sessions = nil
	if err := session.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return s.rests(p, "after its session closed")
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
