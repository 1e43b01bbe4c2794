package conformance_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/conformance/oracle"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// lost is an oracle whose State fails in one way, until it is started again.
type lost struct {
	backend.Backend
	state func(ctx context.Context) error
}

func (l lost) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	s, err := l.Backend.Open(ctx, o)
	return lostSession{s, l.state}, err
}

type lostSession struct {
	backend.Session
	state func(ctx context.Context) error
}

func (l lostSession) State(ctx context.Context) (backend.State, error) {
	if err := l.state(ctx); err != nil {
		return backend.State{}, err
	}
	return l.Session.State(ctx)
}

// TestCheck_LostBackendIsStartedAgain uses a backend that hangs, hangs until it is cancelled, or ends, in its first State.
func TestCheck_LostBackendIsStartedAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a time limit: not with -short")
	}
	for name, c := range map[string]struct {
		state  func(ctx context.Context) error
		say    string
		starts int64
	}{
		"hangs":              {func(context.Context) error { select {} }, "the backend hangs", 2},
		"returns when asked": {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, "did not end within", 1},
		"ends":               {func(context.Context) error { return backend.Errorf(backend.Crashed, "state", "signal: killed") }, "signal: killed", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var starts atomic.Int64
			var broken atomic.Bool
			target := conformance.Target{Name: "lost", Start: func(context.Context) (backend.Backend, func() error, error) {
				starts.Add(1)
				return lost{oracle.New(), func(ctx context.Context) error {
					if broken.Swap(true) {
						return nil
					}
					return c.state(ctx)
				}}, func() error { return nil }, nil
			}}
			report, err := conformance.Check(t.Context(), target, conformance.Options{Level: conformance.Speaks, Timeout: 3 * time.Second, Run: regexp.MustCompile("^(info|state/round-trip|state/every-slot|params)$")})
			if err != nil {
				t.Fatal(err)
			}
			if report.Sum(conformance.Failed) != 1 || report.Sum(conformance.Passed) != 3 || starts.Load() != c.starts {
				t.Errorf("%d starts, want %d; results %+v", starts.Load(), c.starts, report.Results)
			}
			for _, r := range report.Results {
				if r.Status == conformance.Failed && !strings.Contains(r.Message, c.say) {
					t.Errorf("the message is %q, want %q in it", r.Message, c.say)
				}
			}
		})
	}
}

func TestCheck_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped by a signal")
	target := conformance.Target{Name: "hangs", Start: func(context.Context) (backend.Backend, func() error, error) {
		return lost{oracle.New(), func(ctx context.Context) error { cancel(stopped); <-ctx.Done(); return ctx.Err() }}, func() error { return nil }, nil
	}}
	report, err := conformance.Check(ctx, target, conformance.Options{Run: regexp.MustCompile("^state/")})
	if !errors.Is(err, stopped) || report.NotRun == 0 {
		t.Errorf("error %v, want that of the signal; %+v", err, report)
	}
}

func TestCheck_EndsWhenEveryCaseIsLost(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds: not with -short")
	}
	target := conformance.Target{Name: "ends", Start: func(context.Context) (backend.Backend, func() error, error) {
		return lost{oracle.New(), func(context.Context) error { return backend.Errorf(backend.Crashed, "state", "gone") }}, func() error { return nil }, nil
	}}
	report, err := conformance.Check(t.Context(), target, conformance.Options{Level: conformance.Reproduces, Run: regexp.MustCompile("^(state|train)/")})
	if err == nil || !strings.Contains(err.Error(), "11 cases") || report.Sum(conformance.Failed) != 11 {
		t.Errorf("error %v, want one about 11 cases", err)
	}
}

func TestOptions_ChooseCases(t *testing.T) {
	names := func(o conformance.Options) (out []string) {
		o.Level = conformance.Reproduces
		for _, c := range o.Chosen() {
			out = append(out, c.Name)
		}
		return out
	}
	all := names(conformance.Options{})
	one, two := uint64(1), uint64(2)
	shuffled := names(conformance.Options{Shuffle: &one})
	if slices.Equal(all, shuffled) || !slices.Equal(shuffled, names(conformance.Options{Shuffle: &one})) || slices.Equal(shuffled, names(conformance.Options{Shuffle: &two})) {
		t.Error("a seed must give its own order, the same every time")
	}
	slices.Sort(shuffled)
	if !slices.Equal(shuffled, slices.Sorted(slices.Values(all))) || len(slices.Compact(shuffled)) != len(all) {
		t.Error("another order must have the same cases, each once")
	}
	if got := names(conformance.Options{Skip: regexp.MustCompile("^operation/"), Run: regexp.MustCompile("^(operation|state)/")}); len(got) == 0 || slices.ContainsFunc(got, func(n string) bool { return !strings.HasPrefix(n, "state/") }) {
		t.Errorf("--skip operation/ leaves %v", got)
	}
	for _, want := range []string{"operation/conv2d", "state/every-slot", "train/adam/8", "bits/resume", "network/unet-small-gridsize2"} {
		if !slices.Contains(names(conformance.Options{Quick: true}), want) {
			t.Errorf("a quick run has no %s", want)
		}
	}
}

func TestCheck_FailFastAndRepeat(t *testing.T) {
	calls := 0
	target := conformance.Target{Name: "third", DType: tensor.Float32, Start: func(context.Context) (backend.Backend, func() error, error) {
		return lost{oracle.New(), func(context.Context) error {
			if calls++; calls >= 3 {
				return backend.Errorf(backend.Internal, "state", "the third call")
			}
			return nil
		}}, func() error { return nil }, nil
	}}
	report, err := conformance.Check(t.Context(), target, conformance.Options{Repeat: 5, FailFast: true, Run: regexp.MustCompile("^(info|state/round-trip|refuses/state)$")})
	if err != nil {
		t.Fatal(err)
	}
	last := report.Results[len(report.Results)-1]
	if len(report.Results) != 2 || report.NotRun != 1 || last.Status != conformance.Failed || !strings.HasPrefix(last.Message, "repetition 3 of 5: ") {
		t.Errorf("%d not run, results %+v", report.NotRun, report.Results)
	}
}

// TestSubtests_OnePerCase uses the quick cases of level 0 only.
func TestSubtests_OnePerCase(t *testing.T) {
	fixture.Long(t)
	conformance.Subtests(t, inProcess("reference", oracle.New(), tensor.Float32), conformance.Speaks)
}
