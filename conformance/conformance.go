// Package conformance tests that a backend does what core defines. Cases come in levels, and each level includes those
// before it: 0 Speaks, 1 Computes, 2 Learns, 3 Reproduces. Every case states the rule that it checks, uses inputs without
// symmetry, and compares the results of the backend with core/reference within the tolerances of tolerance.go.
//
// The suite uses only the contract, so it cannot distinguish a backend in this process from one in another process. Run is
// for Go tests, Check for other callers. Parity compares backends with each other instead.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// Level is the level of conformance of a backend.
type Level int

// The levels.
const (
	Speaks     Level = 0 // describes itself, keeps its state, rejects invalid calls with the right kind of error
	Computes   Level = 1 // every operation and whole networks, values and gradients
	Learns     Level = 2 // optimiser steps
	Reproduces Level = 3 // same bits when repeated and when resumed
)

var levelNames = []string{"Speaks", "Computes", "Learns", "Reproduces"}

func (l Level) String() string {
	if l < 0 || int(l) >= len(levelNames) {
		return fmt.Sprintf("level %d", int(l))
	}
	return levelNames[l]
}

// Levels is the number of levels.
const Levels = 4

// Target is the backend to test.
type Target struct {
	Name string // for reports
	// Start returns the backend, once for all cases, and a function to stop it.
	Start    func(ctx context.Context) (b backend.Backend, stop func() error, err error)
	Devices  []string     // none: the backend's default
	Strategy string       // how the devices share the work; "" is the backend's default
	TF32     bool         // allow matrix products of reduced precision
	DType    tensor.DType // Float32 (default) or Float64
}

// Case tests one rule.
type Case struct {
	Level Level
	Name  string // "operation/conv2d"
	Rule  string // the rule, in one sentence
	run   func(s *subject) error
}

// Options choose cases.
type Options struct {
	Level  Level          // the highest; cases above it do not run
	Run    *regexp.Regexp // on names; nil: all
	Limit  time.Duration  // no case starts later than this; the cases that cover every operation run first; 0: all cases, by level
	Report func(Result)   // receives each result; may be nil
}

// skip is the reason why a case could not run. A skipped case never counts as passed.
type skip struct{ reason string }

func (s *skip) Error() string { return s.reason }

// Cases lists all cases in order.
func Cases() []Case {
	all := slices.Concat(speaks, options, computes(), learns, reproduces)
	slices.SortStableFunc(all, func(a, b Case) int { return int(a.Level - b.Level) })
	return all
}

// cases returns the chosen cases in the order in which they run.
func (o Options) cases() []Case {
	chosen := slices.DeleteFunc(Cases(), func(c Case) bool {
		return c.Level > o.Level || o.Run != nil && !o.Run.MatchString(c.Name)
	})
	if o.Limit > 0 {
		return coverFirst(chosen)
	}
	return chosen
}

// Check runs the cases. It returns an error only if the backend cannot be started or ends; faults of the backend are in the
// report.
func Check(ctx context.Context, t Target, o Options) (*Report, error) {
	b, stop, err := t.Start(ctx)
	if err != nil {
		return nil, fmt.Errorf("conformance: %s: %w", t.Name, err)
	}
	defer stop() //nolint:errcheck // all results are already received
	info := b.Info()
	report := newReport(t, info)
	measured := measurements{}
	compared := comparedOperations()
	start, cases := time.Now(), o.cases()
	for i, c := range cases {
		if o.Limit > 0 && time.Since(start) > o.Limit {
			report.NotRun = len(cases) - i
			break
		}
		if ctx.Err() != nil {
			return report, fmt.Errorf("conformance: %w", ctx.Err())
		}
		began := time.Now()
		one := &subject{ctx: ctx, backend: b, info: info, target: t, measured: measured, compiled: &clock{}}
		err := c.perform(one)
		if ctx.Err() != nil {
			return report, fmt.Errorf("conformance: %w", context.Cause(ctx))
		}
		if backend.KindOf(err) == backend.Crashed { // there is no backend left to test
			return report, fmt.Errorf("conformance: %s: case %s: %w", t.Name, c.Name, err)
		}
		r := Result{Level: c.Level, Name: c.Name, Rule: c.Rule, Status: Passed, Seconds: time.Since(began).Seconds(), CompileSeconds: one.compiled.read()}
		var s *skip
		switch {
		case errors.As(err, &s):
			r.Status, r.Message = Skipped, s.reason
		case err != nil:
			r.Status, r.Message = Failed, err.Error()
		default:
			report.cover(compared[c.Name])
		}
		report.add(r)
		if o.Report != nil {
			o.Report(r)
		}
	}
	report.Distributions = distributions(measured, (&subject{target: t}).dtype())
	report.conclude(o)
	return report, nil
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

// T is the part of *testing.T that Run needs.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// Run is Check for a Go test. Skipped cases are logged. They limit the level that is reached, and a level below the claimed
// one fails the test.
func Run(t T, target Target, claim Level) {
	t.Helper()
	report, err := Check(context.Background(), target, Options{Level: claim})
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, r := range report.Results {
		switch r.Status {
		case Failed:
			t.Errorf("%s: %s: %s", r.Name, r.Rule, r.Message)
		case Skipped:
			t.Logf("skipped: %s: %s", r.Name, r.Message)
		}
	}
	if report.Reached < int(claim) {
		t.Errorf("%s reaches level %d, but claims level %d (%s)", target.Name, report.Reached, int(claim), claim)
	}
}
