package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
)

// check is a run of the suite.
type check struct {
	target   Target
	options  Options
	report   *Report
	measured measurements

	b        backend.Backend
	stop     func() error
	cancel   context.CancelCauseFunc // of the context that the backend was started with
	restarts int
}

const (
	// grace is the time for a case to return after its context has ended.
	grace = 2 * time.Second
	// stopTime is the time for a backend to stop. A process that hangs is killed after 8 s of it.
	stopTime = 12 * time.Second
	// mostRestarts ends a run whose backend hangs or ends in one case after the other.
	mostRestarts = 10
)

// The causes of the end of a context by a time limit.
var (
	errTimeout = errors.New("the case reached its time limit")
	errStart   = errors.New("starting reached the time limit")
)

// Check runs the cases. A backend that ends or hangs fails the case, and is started again for the next one. Check returns an error
// only if the backend cannot be started; the report, if there is one, then has the cases until there.
func Check(ctx context.Context, t Target, o Options) (*Report, error) {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	c := &check{target: t, options: o, measured: measurements{}}
	if err := c.begin(ctx); err != nil {
		c.cancel(nil)
		return nil, fmt.Errorf("conformance: %s: %w", t.Name, err)
	}
	defer c.end()
	c.report = newReport(t, o, c.b.Info(), c.devices(ctx))
	err := c.all(ctx)
	c.report.Distributions = distributions(c.measured, (&subject{target: t}).dtype())
	if err != nil {
		return c.report, fmt.Errorf("conformance: %w", err)
	}
	c.report.conclude(o)
	return c.report, nil
}

// devices lists the devices for the report; the case devices tests them. A backend that does not answer in time has none.
func (c *check) devices(ctx context.Context) []backend.Device {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	answer := make(chan []backend.Device, 1)
	go func() {
		list, err := c.b.Devices(ctx)
		if err != nil {
			list = nil
		}
		answer <- list
	}()
	select {
	case list := <-answer:
		return list
	case <-ctx.Done():
		return nil
	}
}

// all runs the cases and sets the number of those that did not run.
func (c *check) all(ctx context.Context) error {
	compared := comparedOperations()
	start, cases := time.Now(), c.options.Chosen()
	for i, one := range cases {
		c.report.NotRun = len(cases) - i
		if c.options.Limit > 0 && time.Since(start) > c.options.Limit {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if c.options.Begin != nil {
			c.options.Begin(one)
		}
		r, lost := c.repeated(ctx, one)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if r.Status == Passed {
			c.report.cover(compared[one.Name])
		}
		c.report.add(r)
		if c.options.Report != nil {
			c.options.Report(r)
		}
		if c.report.NotRun--; c.report.NotRun == 0 || c.options.FailFast && r.Status == Failed {
			return nil
		}
		if !lost {
			continue
		}
		c.end()
		if c.restarts++; c.restarts > mostRestarts {
			return fmt.Errorf("%s ended or hung in %d cases, the last one %s: %s", c.target.Name, c.restarts, one.Name, r.Message)
		}
		if err := c.begin(ctx); err != nil {
			return fmt.Errorf("%s cannot be started again after case %s: %w", c.target.Name, one.Name, err)
		}
	}
	return nil
}

// begin starts the backend within the time limit.
func (c *check) begin(ctx context.Context) error {
	type started struct {
		b    backend.Backend
		stop func() error
		err  error
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c.cancel = cancel // ends with the backend, because Start may keep ctx
	late := time.AfterFunc(c.options.Timeout, func() { cancel(errStart) })
	defer late.Stop()
	answer := make(chan started, 1)
	go func() {
		b, stop, err := c.target.Start(ctx)
		answer <- started{b, stop, err}
	}()
	select {
	case s := <-answer:
		c.b, c.stop = s.b, s.stop
		return s.err
	case <-ctx.Done():
	}
	select {
	case s := <-answer:
		c.b, c.stop = s.b, s.stop
		return s.err
	case <-time.After(grace):
		return fmt.Errorf("it did not start: %w", context.Cause(ctx))
	}
}

// end stops the backend. One that does not stop in time is left behind.
func (c *check) end() {
	stop := c.stop
	c.stop = nil
	defer c.cancel(nil)
	if stop == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		stop() //nolint:errcheck // all results are already received
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(stopTime):
	}
}

// repeated runs a case as often as the options ask for, until it does not pass.
func (c *check) repeated(ctx context.Context, one Case) (r Result, lost bool) {
	times := max(c.options.Repeat, 1)
	seconds, compiling := 0.0, 0.0
	for i := range times {
		r, lost = c.once(ctx, one)
		seconds, compiling = seconds+r.Seconds, compiling+r.CompileSeconds
		if r.Status != Passed {
			if times > 1 && i > 0 {
				r.Message = fmt.Sprintf("repetition %d of %d: %s", i+1, times, r.Message)
			}
			break
		}
	}
	r.Seconds, r.CompileSeconds = seconds, compiling
	return r, lost
}

// once runs a case within its time limit. lost reports that the backend has ended or does not return.
func (c *check) once(parent context.Context, one Case) (r Result, lost bool) {
	ctx, cancel := context.WithTimeoutCause(parent, c.options.Timeout, errTimeout)
	defer cancel()
	began := time.Now()
	running := &calls{}
	s := &subject{ctx: ctx, backend: running.watch(c.b), calls: running, info: c.b.Info(), target: c.target, measured: measurements{}, compiled: &clock{}, lacks: &[]string{}}
	done := make(chan error, 1)
	go func() { done <- one.perform(s) }()
	var err error
	during := ""
	select {
	case err = <-done:
	case <-ctx.Done():
		during = running.during()
		select {
		case err = <-done:
		case <-time.After(grace):
			lost = true
		}
	}
	r = Result{Level: one.Level, Name: one.Name, Rule: one.Rule, Status: Passed, Seconds: time.Since(began).Seconds(), CompileSeconds: s.compiled.read()}
	var skipped *skip
	switch {
	case lost:
		r.Status, r.Message = Failed, fmt.Sprintf("the backend hangs%s: the case did not end within %v, nor %v after its calls were cancelled; if it only computes slowly, raise --timeout", during, c.options.Timeout, grace)
		return r, true
	case errors.Is(context.Cause(ctx), errTimeout) && err != nil:
		r.Status, r.Message = Failed, fmt.Sprintf("the case did not end within %v and was cancelled%s: %v", c.options.Timeout, during, err)
	case errors.As(err, &skipped):
		r.Status, r.Message = Skipped, skipped.reason
		if skipped.without != "" {
			r.Status = Excluded
			c.report.lack(skipped.without)
		}
	case err != nil:
		r.Status, r.Message = Failed, running.ended()+err.Error()
	}
	r.Closest = s.measured.closest(s.dtype())
	if r.Status == Failed {
		r.Program, r.Log = s.shown(c.b)
	}
	for _, what := range *s.lacks {
		c.report.lack(what)
	}
	for q, list := range s.measured {
		c.measured[q] = append(c.measured[q], list...)
	}
	return r, backend.KindOf(err) == backend.Crashed
}

// perform runs a case and closes its sessions. A backend in this process that panics fails the case.
func (c Case) perform(s *subject) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
		for _, open := range s.sessions {
			if e := open.Close(); e != nil && err == nil {
				err = fmt.Errorf("close: %w", e)
			}
		}
	}()
	return c.run(s)
}
