package conformance

import (
	"fmt"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
)

// A process is idle if it uses at most idleShare of one processor in one of idleTries intervals. A library's threads may wait busily for
// some tenths of a second after a call.
const (
	idleTime  = 250 * time.Millisecond
	idleTries = 12
	idleShare = 0.1
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
	if err := rests(p, "after Evaluate, with its session open"); err != nil {
		return err
	}
	one.sessions = nil
	if err := session.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return rests(p, "after its session closed")
}

// rests waits until the process is idle for one interval.
func rests(p Process, when string) error {
	least := 0.0
	for try := range idleTries {
		before, _, _ := p.Usage()
		began := time.Now()
		time.Sleep(idleTime)
		after, _, _ := p.Usage()
		share := (after - before) / time.Since(began).Seconds()
		if share <= idleShare {
			return nil
		}
		if try == 0 || share < least {
			least = share
		}
	}
	return fmt.Errorf("the process uses a processor between calls, %s: at least %.0f %% of one in each of %d intervals of %v", when, 100*least, idleTries, idleTime)
}
