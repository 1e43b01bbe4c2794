// Package conformance tests that a backend does what core defines. Cases come in levels, and each level includes those
// before it: 0 Speaks, 1 Computes, 2 Learns, 3 Reproduces, 4 Operates. Every case states the rule that it checks, uses inputs without
// symmetry, and compares the results of the backend with core/reference within the tolerances of tolerance.go.
//
// The suite uses only the contract, so it cannot distinguish a backend in this process from one in another process. Run is
// for Go tests, Check for other callers. Parity compares backends with each other instead.
package conformance

import (
	"context"
	"fmt"
	"math/rand/v2"
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
	Operates   Level = 4 // ends calls when asked, keeps sessions apart and memory within limits; its process starts and ends cleanly
)

var levelNames = []string{"Speaks", "Computes", "Learns", "Reproduces", "Operates"}

func (l Level) String() string {
	if l < 0 || int(l) >= len(levelNames) {
		return fmt.Sprintf("level %d", int(l))
	}
	return levelNames[l]
}

// Levels is the number of levels.
const Levels = 5

// Target is the backend to test.
type Target struct {
	Name string // for reports
	// Start returns the backend and a function to stop it. It is called once for all cases, and again after a case in which the
	// backend ended or did not return.
	Start    func(ctx context.Context) (b backend.Backend, stop func() error, err error)
	Devices  []string     // none: the backend's default
	Strategy string       // how the devices share the work; "" is the backend's default
	TF32     bool         // allow matrix products of reduced precision
	DType    tensor.DType // Float32 (default) or Float64
	Threads  int          // of the sessions whose case does not ask for a number; 0: 1
}

// Case tests one rule.
type Case struct {
	Level Level
	Name  string // "operation/conv2d"
	Rule  string // the rule, in one sentence
	run   func(s *subject) error
}

// Options choose cases and how they run.
type Options struct {
	Level    Level          // the highest; cases above it do not run
	Run      *regexp.Regexp // on names; nil: all
	Skip     *regexp.Regexp // on names; nil: none
	Quick    bool           // only the cases that together cover every kind of rule and every operation in seconds
	Limit    time.Duration  // no case starts later than this; the cases that cover every operation run first; 0: all cases, the simplest first
	Timeout  time.Duration  // of one case, and of starting the backend; 0: DefaultTimeout
	Repeat   int            // times that each case runs; 0: 1
	Shuffle  *uint64        // a seed for another order of the cases; nil: the simplest first
	FailFast bool           // end with the first case that fails
	Begin    func(Case)     // receives each case before it runs; may be nil
	Report   func(Result)   // receives each result; may be nil
}

// DefaultTimeout is the time limit of a case. A compiler may need minutes for a network of full size.
const DefaultTimeout = 5 * time.Minute

// skip is the reason why a case could not run. A skipped case never counts as passed.
type skip struct {
	reason  string
	without string // what the backend does not offer: the case is excluded and not skipped
}

func (s *skip) Error() string { return s.reason }

// Cases lists all cases in order.
func Cases() []Case {
	all := slices.Concat(speaks, options, files, inputs, computes(), learns, states(), plansCases(), optimises, caches, reproduces, operates)
	slices.SortStableFunc(all, func(a, b Case) int { return int(a.Level - b.Level) })
	return all
}

// slow matches the cases that a quick run leaves out: each is long, and other cases have its rule.
var slow = regexp.MustCompile(`^(composed/|random/|network/(unet|cnn)-(64|128)-|network/cnn-small|bits/operations$|bits/threads-odd$|large/|process/(memory|killed)$)`)

// Chosen lists the cases in the order in which they run.
func (o Options) Chosen() []Case {
	chosen := slices.DeleteFunc(Cases(), func(c Case) bool {
		return c.Level > o.Level || o.Run != nil && !o.Run.MatchString(c.Name) || o.Skip != nil && o.Skip.MatchString(c.Name) || o.Quick && slow.MatchString(c.Name)
	})
	switch {
	case o.Shuffle != nil:
		rand.New(rand.NewPCG(*o.Shuffle, 1)).Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
	case o.Limit > 0:
		return coverFirst(chosen)
	default:
		simplestFirst(chosen)
	}
	return chosen
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
		case Skipped, Excluded:
			t.Logf("%s: %s: %s", r.Status, r.Name, r.Message)
		}
	}
	reached(t, target, report, claim)
}

func reached(t T, target Target, report *Report, claim Level) {
	t.Helper()
	if report.Reached < int(claim) {
		t.Errorf("%s reaches level %d, but claims level %d (%s)", target.Name, report.Reached, int(claim), claim)
	}
}

// Subtest is the part of *testing.T that Subtests needs.
type Subtest[S any] interface {
	T
	Run(name string, f func(S)) bool
	Skipf(format string, args ...any)
}

// Subtests is Run with a subtest for each case.
func Subtests[S Subtest[S]](t S, target Target, claim Level) {
	t.Helper()
	report, err := Check(context.Background(), target, Options{Level: claim, Report: func(r Result) {
		t.Run(r.Name, func(t S) {
			t.Helper()
			switch r.Status {
			case Failed:
				t.Errorf("%s: %s", r.Rule, r.Message)
			case Skipped, Excluded:
				t.Skipf("%s", r.Message)
			}
		})
	}})
	if err != nil {
		t.Fatalf("%v", err)
	}
	reached(t, target, report, claim)
}
