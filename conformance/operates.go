package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
)

// operates has the cases about calls that end early, sessions next to each other, values larger than a message, limits of memory, and
// the process of a backend.
var operates = slices.Concat([]Case{
	{Operates, "cancel/evaluate", "Evaluate whose context ends midway is cancelled soon, and the next call is complete", withOracle(cancelsEvaluate)},
	{Operates, "cancel/reconstruct", "Reconstruct whose context ends midway is cancelled soon, and the next call is complete", withOracle(cancelsReconstruct)},
	{Operates, "cancel/open", "Open whose context ends is cancelled or returns a session that works, and the next Open works", cancelsOpen},
	{Operates, "cancel/others", "a call whose context has ended is cancelled or done completely, and the session goes on", withOracle(cancelsOthers)},
	{Operates, "stop/idle", "Stop without a running call does not stop the next one", withOracle(stopsNothing)},
	{Operates, "emit/fails", "an error of emit ends Evaluate and Reconstruct, is returned, and the next call is complete", withOracle(emitFails)},
	{Operates, "emit/slow", "a slow receiver gets every result in order, and one that waits can cancel the call", withOracle(slowReceiver)},
	{Operates, "sessions/at-once", "sessions of two programs that compute at the same time end with the same bits as alone", sessionsAtOnce},
	{Operates, "sessions/closed", "closing a session does not affect another one, and Close may follow a cancelled call", sessionClosed},
	{Operates, "events", "events have a phase and sensible numbers, and none comes after Close", eventsEnd},
	{Operates, "devices/open", "the devices have the same names every time, and each usable one computes", eachDevice},
	{Operates, "memory-limit", "a batch that needs more than the memory limit is exhausted, changes nothing, and a smaller one is computed", memoryLimit},
}, large, edges, processes)

// many returns batches of one group each in turn, which take much longer than a few of them.
func (w *work) many(n int) []backend.Batch {
	each := make([]backend.Batch, w.groups)
	for i := range each {
		each[i] = w.part(i)
	}
	out := make([]backend.Batch, n)
	for i := range out {
		out[i] = each[i%w.groups]
	}
	return out
}

// manyBatches is more than a backend computes before a message reaches it.
const manyBatches = 2000

// midway calls do with a context that ends with the third result, and checks that the call is cancelled before its last one.
func (s *subject) midway(what string, do func(ctx context.Context, emit func() error) error) error {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	results := 0
	err := do(ctx, func() error {
		if results++; results == 3 {
			cancel()
		}
		return nil
	})
	if err := refused(fmt.Sprintf("%s, whose context ended with its third of %d results,", what, manyBatches), err, backend.Cancelled); err != nil {
		return err
	}
	if results == manyBatches {
		return fmt.Errorf("%s computed all %d batches, but its context ended with the third", what, manyBatches)
	}
	return nil
}

func cancelsEvaluate(s *subject, theirs, mine runner, w *work) error {
	p := backend.EvalPlan{Dataset: theirs.ref.Dataset, Batches: w.many(manyBatches)}
	err := s.midway("Evaluate", func(ctx context.Context, emit func() error) error {
		return theirs.session.Evaluate(ctx, p, func(backend.EvalResult) error { return emit() })
	})
	if err != nil {
		return err
	}
	return s.goesOn("after a cancelled Evaluate", theirs, mine, w)
}

func cancelsReconstruct(s *subject, theirs, mine runner, w *work) error {
	p := backend.ReconPlan{Dataset: theirs.ref.Dataset, Batches: w.many(manyBatches)}
	err := s.midway("Reconstruct", func(ctx context.Context, emit func() error) error {
		return theirs.session.Reconstruct(ctx, p, func(backend.Patches) error { return emit() })
	})
	if err != nil {
		return err
	}
	return s.goesOn("after a cancelled Reconstruct", theirs, mine, w)
}

// goesOn evaluates, predicts and trains, and compares the results with the oracle's.
func (s *subject) goesOn(what string, theirs, mine runner, w *work) error {
	if err := s.evaluated(what, theirs, mine, false, w.part(0), w.batch()); err != nil {
		return err
	}
	if err := s.reconstructed(what, theirs, mine, false, w.batch(), w.part(1)); err != nil {
		return err
	}
	if !s.info.Has(backend.CanTrain) {
		return nil
	}
	if err := s.follow(theirs, mine, plan(theirs.ref, adam, 1e-3, 2), AdaptiveWeights); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// cancelsOpen ends the context of Open before it begins, with its first event, and after a moment.
func cancelsOpen(s *subject) error {
	w, err := ledger(2)
	if err != nil {
		return err
	}
	if err := s.lists(w.program); err != nil {
		return err
	}
	for _, when := range []string{"before it begins", "with its first event", "after a moment"} {
		ctx, cancel := context.WithCancel(s.ctx)
		o := backend.OpenOptions{Program: w.program, DType: s.target.DType, Devices: s.target.Devices, Strategy: s.target.Strategy, Threads: 1}
		switch when {
		case "before it begins":
			cancel()
		case "with its first event":
			o.Progress = func(backend.Event) { cancel() }
		default:
			defer time.AfterFunc(200*time.Microsecond, cancel).Stop()
		}
		session, err := s.backend.Open(ctx, o)
		switch {
		case err == nil:
			err = s.usable(session, w)
			if e := session.Close(); err == nil {
				err = e
			}
			if err != nil {
				cancel()
				return fmt.Errorf("Open whose context ended %s returned a session that fails: %w", when, err)
			}
		case backend.KindOf(err) != backend.Cancelled:
			cancel()
			return refused("Open whose context ended "+when, err, backend.Cancelled)
		}
		cancel()
	}
	theirs, mine, err := s.openBoth(w)
	if err != nil {
		return err
	}
	return s.goesOn("after a cancelled Open", theirs, mine, w)
}

// usable computes a batch.
func (s *subject) usable(session backend.Session, w *work) error {
	if err := session.SetState(s.ctx, w.state()); err != nil {
		return err
	}
	id, err := session.Bind(s.ctx, w.dataset())
	if err != nil {
		return err
	}
	return session.Evaluate(s.ctx, backend.EvalPlan{Dataset: id, Batches: []backend.Batch{w.part(0)}}, collect[backend.EvalResult](nil))
}

func cancelsOthers(s *subject, theirs, mine runner, w *work) error {
	ended, cancel := context.WithCancel(s.ctx)
	cancel()
	batches := []backend.Batch{w.batch()}
	calls := map[string]func() error{
		"Devices": func() error { _, err := s.backend.Devices(ended); return err },
		"State":   func() error { _, err := theirs.session.State(ended); return err },
		"Bind":    func() error { _, err := theirs.session.Bind(ended, w.other().dataset()); return err },
		"Reconstruct": func() error {
			return theirs.session.Reconstruct(ended, backend.ReconPlan{Dataset: theirs.ref.Dataset, Batches: batches}, collect[backend.Patches](nil))
		},
	}
	if look, ok := theirs.session.(backend.Inspector); ok && s.info.Has(backend.CanInspect) {
		calls["Forward"] = func() error { _, err := look.Forward(ended, theirs.ref, "lambda"); return err }
		calls["Gradient"] = func() error { _, _, err := look.Gradient(ended, theirs.ref); return err }
	}
	for name, call := range calls {
		err := call()
		if err != nil && s.withoutGradients(err) {
			continue
		}
		if err != nil && backend.KindOf(err) != backend.Cancelled {
			return refused(name+" with a context that has ended", err, backend.Cancelled)
		}
	}
	// A state is set whole or not at all.
	before, err := theirs.session.State(s.ctx)
	if err != nil {
		return err
	}
	next := s.fullState(w, 12)
	err = theirs.session.SetState(ended, next)
	if err != nil && backend.KindOf(err) != backend.Cancelled {
		return refused("SetState with a context that has ended", err, backend.Cancelled)
	}
	now, e := theirs.session.State(s.ctx)
	if e != nil {
		return e
	}
	want := map[bool]backend.State{true: next, false: before}[now.Step == next.Step]
	if err == nil {
		want = next
	}
	if err := sameState("after SetState with a context that has ended", now, want); err != nil {
		return err
	}
	if err := theirs.session.SetState(s.ctx, w.state()); err != nil {
		return err
	}
	return s.goesOn("after calls with a context that has ended", theirs, mine, w)
}

func stopsNothing(s *subject, theirs, mine runner, w *work) error {
	for i := range 3 {
		for range i {
			if err := theirs.session.Stop(s.ctx); err != nil {
				return fmt.Errorf("Stop without a running call: %w", err)
			}
		}
		if err := s.goesOn(fmt.Sprintf("after %d calls of Stop that had nothing to stop", i), theirs, mine, w); err != nil {
			return err
		}
	}
	return nil
}

func emitFails(s *subject, theirs, mine runner, w *work) error {
	results := 0
	fails := func() error {
		if results++; results%3 == 0 {
			return errEmit
		}
		return nil
	}
	calls := map[string]func() error{
		"Evaluate": func() error {
			return theirs.session.Evaluate(s.ctx, backend.EvalPlan{Dataset: theirs.ref.Dataset, Batches: w.many(50)}, func(backend.EvalResult) error { return fails() })
		},
		"Reconstruct": func() error {
			return theirs.session.Reconstruct(s.ctx, backend.ReconPlan{Dataset: theirs.ref.Dataset, Batches: w.many(50)}, func(backend.Patches) error { return fails() })
		},
	}
	for name, call := range calls {
		results = 0
		switch err := call(); {
		case err == nil:
			return fmt.Errorf("%s ended without an error, but emit failed", name)
		case !errors.Is(err, errEmit):
			return fmt.Errorf("%s does not return the error of emit, but: %w", name, err)
		}
		if results != 3 {
			return fmt.Errorf("%s called emit %d times, but the third call failed", name, results)
		}
		if err := s.goesOn("after "+name+" whose emit failed", theirs, mine, w); err != nil {
			return err
		}
	}
	return nil
}

// slowReceiver waits between results, first for a moment each, then until its context ends.
func slowReceiver(s *subject, theirs, mine runner, w *work) error {
	const pause, stall = 5 * time.Millisecond, 300 * time.Millisecond
	p := backend.ReconPlan{Dataset: theirs.ref.Dataset, Batches: w.many(20)}
	next := 0
	err := theirs.session.Reconstruct(s.ctx, p, func(r backend.Patches) error {
		if r.Batch != next {
			return fmt.Errorf("result %d is of batch %d", next, r.Batch)
		}
		next++
		time.Sleep(pause)
		return nil
	})
	if err != nil {
		return fmt.Errorf("a receiver that waits %v after each result: %w", pause, err)
	}
	if next != len(p.Batches) {
		return fmt.Errorf("a slow receiver got %d of %d results", next, len(p.Batches))
	}
	ctx, cancel := context.WithTimeout(s.ctx, stall)
	defer cancel()
	p.Batches = w.many(manyBatches)
	err = theirs.session.Reconstruct(ctx, p, func(backend.Patches) error {
		<-ctx.Done()
		return nil
	})
	if err := refused("a call whose receiver waited until its context ended", err, backend.Cancelled); err != nil {
		return err
	}
	return s.goesOn("after a receiver that waited", theirs, mine, w)
}
