package loop

import (
	"context"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/host"
)

// patience is the time after a stop request for which the end of a step or a validation batch is awaited without a notice.
const patience = 1200 * time.Millisecond

// Limits of the time for which a signal waits for the end of a step: this time, or that of so many steps if it is longer.
const (
	leastWait   = 5 * time.Second
	stepsWaited = 5
)

// stoppable runs a call of the session that the host or --max-time can stop. The Ending says which of them did; the work done
// by then is complete. Before its first step a backend may be compiling, which cannot be stopped: then the call is cancelled
// after a short wait, with an error of kind Cancelled.
func (t *Trainer) stoppable(ctx context.Context, session backend.Session, what string, call func(context.Context) error) (Ending, error) {
	ctx, cancel := context.WithCancel(ctx)
	why := make(chan Ending, 1)
	go func() {
		why <- t.stopper(ctx, cancel, session, what)
	}()
	err := call(ctx)
	given := ctx.Err() != nil
	cancel()
	ending := <-why
	if err == nil && given {
		err = &backend.Error{Kind: backend.Cancelled, Op: what, What: "the run was asked to stop", Err: context.Canceled}
	}
	return ending, err
}

// stopper asks the session to stop when the host is stopped or --max-time is over. It returns when ctx has ended.
func (t *Trainer) stopper(ctx context.Context, giveUp func(), session backend.Session, what string) (why Ending) {
	var clock <-chan time.Time
	if !t.deadline.IsZero() && what == "step" {
		timer := time.NewTimer(time.Until(t.deadline))
		defer timer.Stop()
		clock = timer.C
	}
	select {
	case <-ctx.Done():
		return Finished
	case <-t.host.Stop:
		why = Interrupted
	case <-clock:
		why = OutOfTime
	}
	stepped := t.stepped.Load()
	go session.Stop(ctx) //nolint:errcheck // a session that cannot stop runs its plan to the end
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return why
	case <-timer.C:
	}
	select {
	case <-t.host.Hurry:
		if !stepped && !t.stepped.Load() {
			giveUp()
			break
		}
		t.host.Notice("waiting for the backend to finish the current %s", what)
		timer.Reset(max(leastWait, stepsWaited*time.Duration(t.lastStep.Load())))
		select {
		case <-ctx.Done():
		case <-timer.C:
			t.host.Notice("the backend does not answer: the run ends at its last saved state")
			giveUp()
		}
	default:
	}
	<-ctx.Done()
	return why
}

// interrupted writes a checkpoint of a run that was asked to stop between two calls.
func (t *Trainer) interrupted() (Ending, error) {
	if t.At.Done == 0 {
		return Interrupted, host.Failf(host.ExitInterrupted, "train: stopped before the first step; nothing was written")
	}
	return Interrupted, t.Keep.Last(t.At, t.State, false)
}
