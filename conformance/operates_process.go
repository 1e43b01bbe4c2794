package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
)

// Process is a backend in a process of its own, as command.Target returns it. The cases about processes are excluded for others.
type Process interface {
	backend.Backend
	PID() int
	// Done is closed when the process has ended.
	Done() <-chan struct{}
	// Usage returns the resources of the process; 0 if they are not known.
	Usage() (cpuSeconds float64, bytesNow, bytesPeak int64)
	// Orphan passes to the process what the end of its host does.
	Orphan()
}

var processes = []Case{
	{Operates, "process/killed", "calls of a process that is killed are crashed, in the middle of each call and after it, and another process starts", killed},
	{Operates, "process/shutdown", "the process ends in time when asked, idle and in the middle of a call, and leaves no process", shutdown},
	{Operates, "process/lifeline", "the process ends when its host has ended, idle and in the middle of a call", lifeline},
	{Operates, "process/memory", "the process's memory levels off over steps, sessions and datasets", levelsOff},
	{Operates, "process/idle", "the process uses no processor between calls, with a session open and after it closed", idle},
}

// noProcess is what the report says if the backend computes in the process of the suite.
const noProcess = "a process of its own"

// another starts a second process of the backend.
func (s *subject) another() (p Process, stop func() error, err error) {
	if _, ok := s.backend.(Process); !ok {
		return nil, nil, &skip{"the backend is in the process of the suite", noProcess}
	}
	b, stop, err := s.target.Start(s.ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("start a second process: %w", err)
	}
	p, ok := b.(Process)
	if !ok {
		return nil, nil, errors.Join(errors.New("the second start returned no process"), stop())
	}
	return p, stop, nil
}

// in returns the subject with another process, and a function that closes its sessions.
func (s *subject) in(p Process) (one *subject, done func()) {
	o := *s
	o.backend, o.sessions = s.calls.watch(p), nil
	return &o, func() {
		for _, session := range o.sessions {
			session.Close() //nolint:errcheck // the process may have ended
		}
	}
}

// observed is a second process of the backend, with a session in it.
type observed struct {
	process Process
	subject *subject // the backend in that process
	session backend.Session
	ref     backend.BatchRef
}

// observe starts a second process, opens the work's program in it and calls check. The case is skipped if the system does not report the
// usage of a process, its memory and its processor time.
func (s *subject) observe(usage string, w *work, check func(o observed) error) error {
	p, stop, err := s.another()
	if err != nil {
		return err
	}
	defer stop() //nolint:errcheck // all results are received
	if _, now, _ := p.Usage(); now == 0 {
		return &skip{reason: "the " + usage + " of a process cannot be read on this system"}
	}
	one, done := s.in(p)
	defer done()
	session, ref, err := one.open(w, 1)
	if err != nil {
		return err
	}
	return check(observed{p, one, session, ref})
}

// long is a call that does not end by itself within the time of a case.
type long struct {
	name string
	run  func(ctx context.Context, r runner, w *work, each func()) error
}

func (s *subject) longCalls() []long {
	out := []long{
		{"Evaluate", func(ctx context.Context, r runner, w *work, each func()) error {
			return r.session.Evaluate(ctx, backend.EvalPlan{Dataset: r.ref.Dataset, Batches: w.many(4 * manyBatches)}, func(backend.EvalResult) error { each(); return nil })
		}},
		{"Reconstruct", func(ctx context.Context, r runner, w *work, each func()) error {
			return r.session.Reconstruct(ctx, backend.ReconPlan{Dataset: r.ref.Dataset, Batches: w.many(4 * manyBatches)}, func(backend.Patches) error { each(); return nil })
		}},
	}
	if s.info.Has(backend.CanTrain) {
		out = append(out, long{"Step", func(ctx context.Context, r runner, _ *work, each func()) error {
			return r.session.Step(ctx, plan(r.ref, adam, 1e-6, 4*manyBatches), func(backend.StepResult) error { each(); return nil })
		}})
	}
	return out
}

// begun opens the ledger in a process and runs a call there; with its second result it calls then. It returns the call's error.
func (s *subject) begun(p Process, call long, then func()) error {
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
	results := 0
	err = call.run(s.ctx, runner{session, ref}, w, func() {
		if results++; results == 2 {
			then()
		}
	})
	if results < 2 {
		return fmt.Errorf("%s ended after %d results: %w", call.name, results, err)
	}
	return err
}

// killed kills a process in the middle of each call.
func killed(s *subject) error {
	for _, call := range s.longCalls() {
		p, stop, err := s.another()
		if err != nil {
			return err
		}
		var fault error
		err = s.begun(p, call, func() {
			process, err := os.FindProcess(p.PID())
			if err == nil {
				err = process.Kill()
			}
			fault = err
		})
		if fault == nil {
			fault = refused(call.name+" of a process that was killed", err, backend.Crashed)
		}
		if fault == nil {
			_, err := p.Devices(s.ctx)
			fault = refused("a call after the process was killed", err, backend.Crashed)
		}
		if err := stop(); err != nil && fault == nil {
			fault = fmt.Errorf("stopping a process that has ended: %w", err)
		}
		if fault != nil {
			return fault
		}
	}
	return s.unharmed()
}

// unharmed computes a batch with the backend of the suite.
func (s *subject) unharmed() error {
	w, err := ledger(2)
	if err != nil {
		return err
	}
	theirs, mine, err := s.openBoth(w)
	if err != nil {
		return err
	}
	return s.evaluated("after another process of the backend ended", theirs, mine, false, w.batch())
}

// endTime is the time for a process to end: 5 s for its calls and sessions and 3 s for its libraries, after which it is killed.
const endTime = 9 * time.Second

// ended waits for the end of a process and of its children.
func ended(p Process, what string) error {
	select {
	case <-p.Done():
	case <-time.After(endTime):
		return fmt.Errorf("the process did not end within %v of %s", endTime, what)
	}
	const moment = 500 * time.Millisecond
	for began := time.Now(); groupLives(p.PID()); time.Sleep(moment / 50) {
		if time.Since(began) > moment {
			return fmt.Errorf("processes that the backend started still run after %s", what)
		}
	}
	return nil
}

// shutdown stops a process with an open session, then one in the middle of each call.
func shutdown(s *subject) error {
	p, stop, err := s.another()
	if err != nil {
		return err
	}
	w, err := ledger(2)
	if err != nil {
		return errors.Join(err, stop())
	}
	one, done := s.in(p)
	if _, _, err := one.open(w, 1); err != nil {
		return errors.Join(err, stop())
	}
	err = stop()
	done()
	if err == nil {
		err = ended(p, "a request to shut down")
	}
	if err != nil {
		return fmt.Errorf("with an open session: %w", err)
	}
	for _, call := range s.longCalls() {
		p, stop, err := s.another()
		if err != nil {
			return err
		}
		stopped := make(chan error, 1)
		err = s.begun(p, call, func() { go func() { stopped <- stop() }() })
		if err == nil {
			return fmt.Errorf("%s ended without an error, but the process was asked to end in the middle of it", call.name)
		}
		if kind := backend.KindOf(err); kind != backend.Cancelled && kind != backend.Crashed && kind != backend.Unavailable {
			return refused(call.name+" of a process that was asked to end", err, backend.Cancelled)
		}
		if err := <-stopped; err != nil {
			return fmt.Errorf("during %s: %w", call.name, err)
		}
		if err := ended(p, "a request to shut down during "+call.name); err != nil {
			return err
		}
	}
	return nil
}

func lifeline(s *subject) error {
	p, stop, err := s.another()
	if err != nil {
		return err
	}
	p.Orphan()
	err = ended(p, "the end of its host")
	stop() //nolint:errcheck // it has ended, or the case fails
	if err != nil {
		return err
	}
	call := s.longCalls()[0]
	p, stop, err = s.another()
	if err != nil {
		return err
	}
	defer stop() //nolint:errcheck // likewise
	err = s.begun(p, call, p.Orphan)
	if err == nil {
		return fmt.Errorf("%s ended without an error, but the host had ended", call.name)
	}
	return ended(p, "the end of its host during "+call.name)
}

// The rounds of levelsOff. Each would leave at least leak bytes behind, if it left its dataset, its batch or its weights.
const (
	rounds   = 30
	attempts = 4
	leak     = 1 << 20
)

// levelsOff compares the largest memory of the process over some rounds with that of the rounds before. Growth by half of what leaking
// rounds would need is allowed. A collector of garbage may take some rounds until the memory levels off, so there are several attempts;
// a leak goes on in each.
func levelsOff(s *subject) error {
	w, err := images(64)
	if err != nil {
		return err
	}
	return s.observe("memory", w, func(o observed) error {
		for _, of := range []struct {
			what  string
			round func() error
		}{
			{"calls", func() error {
				if s.info.Has(backend.CanTrain) {
					return o.session.Step(s.ctx, plan(o.ref, descent, 1e-9, 1), collect[backend.StepResult](nil))
				}
				return o.session.Evaluate(s.ctx, evaluation(o.ref), collect[backend.EvalResult](nil))
			}},
			{"predictions", func() error {
				plan := backend.ReconPlan{Dataset: o.ref.Dataset, Batches: []backend.Batch{o.ref.Batch}}
				return o.session.Reconstruct(s.ctx, plan, collect[backend.Patches](nil))
			}},
			{"sessions with a dataset, opened and closed", func() error { return o.subject.openAndClose(w) }},
		} {
			if err := levelsOffOver(o.process, of.what, of.round); err != nil {
				return err
			}
		}
		return nil
	})
}

// evaluation returns a plan of one batch.
func evaluation(ref backend.BatchRef) backend.EvalPlan {
	return backend.EvalPlan{Dataset: ref.Dataset, Batches: []backend.Batch{ref.Batch}}
}

// openAndClose evaluates the work's program in a session of its own.
func (s *subject) openAndClose(w *work) error {
	session, ref, err := s.open(w, 1)
	if err != nil {
		return err
	}
	err = session.Evaluate(s.ctx, evaluation(ref), collect[backend.EvalResult](nil))
	s.sessions = slices.DeleteFunc(s.sessions, func(o backend.Session) bool { return o == session })
	if e := session.Close(); err == nil {
		err = e
	}
	return err
}

func levelsOffOver(p Process, what string, round func() error) error {
	before, after := int64(0), int64(0)
	for attempt := range attempts + 1 {
		before = max(before, after)
		for range rounds {
			if err := round(); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			_, now, _ := p.Usage()
			after = max(after, now)
		}
		if attempt > 0 && after-before <= rounds*leak/2 {
			return nil
		}
	}
	return fmt.Errorf("%d %s let the memory of the process grow from at most %d MiB to %d MiB, after %d before them", rounds, what, before>>20, after>>20, attempts*rounds)
}
