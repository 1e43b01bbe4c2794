package loop

import (
	"context"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/host"
)

// patience is how long the end of a step or a validation batch is waited for in silence after the run was asked to end.
const patience = 1200 * time.Millisecond

// A backend that does not end its step in this time, or in the time of that many steps, is given up after a signal.
const (
	leastWait   = 5 * time.Second
	stepsWaited = 5
)

// stoppable runs a call of the session that can be stopped: by the host, or by the clock. The Ending says by whom; work that
// was done by then is whole. Before the first step of a backend process the backend may be compiling, which cannot be
// stopped: then the call is given up after a short wait, with an error of kind Cancelled.
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
		err = &backend.Error{Kind: backend.Cancelled, Op: what, What: "the run was asked to end", Err: context.Canceled}
	}
	return ending, err
}

// stopper asks the session to stop when the host or the clock says so, and returns when ctx has ended.
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
		t.host.Notice("waiting for the backend to end the %s in progress", what)
		timer.Reset(max(leastWait, stepsWaited*time.Duration(t.lastStep.Load())))
		select {
		case <-ctx.Done():
		case <-timer.C:
			t.host.Notice("the backend does not answer: the run ends where its last state was saved")
			giveUp()
		}
	default:
	}
	<-ctx.Done()
	return why
}

// interrupted ends a run that was asked to end between two calls, with a checkpoint of where it stands.
func (t *Trainer) interrupted() (Ending, error) {
	if t.At.Done == 0 {
		return Interrupted, host.Failf(host.ExitInterrupted, "train: stopped before the first step; nothing was written")
	}
	return Interrupted, t.Keep.Last(t.At, t.State, false)
}
