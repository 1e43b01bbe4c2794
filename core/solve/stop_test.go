package solve

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
)

// counted is a context that calls at when Err is called for the n-th time.
type counted struct {
	context.Context
	n  int
	at func()
}

func (c *counted) Err() error {
	if c.n--; c.n == 0 {
		c.at()
	}
	return c.Context.Err()
}

// A stop ends a run within an iteration, with the result of the last whole one.
func TestStop_ReturnsTheLastWholeIteration(t *testing.T) {
	s, _ := small(t, nil)
	for _, e := range []Engine{EPIE, RPIE, LSQML} {
		const whole, batches = 3, 4 // iterations, and looks at the context in the next one
		stop := make(chan struct{})
		ctx := &counted{Context: context.Background(), at: func() { close(stop) }}
		o := Options{Engine: e, Iterations: 50, Batch: 8, Fit: Fit{Probe: true}, Stop: stop, Progress: func(it Iteration) {
			if it.Number == whole {
				ctx.n = batches
			}
		}}
		r, err := Solve(ctx, s, o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Ended != "stopped" || len(r.History) != whole || !math.IsNaN(r.R) {
			t.Errorf("%s: ended %q after %d iterations with R %v", e, r.Ended, len(r.History), r.R)
		}
		o.Iterations, o.Stop, o.Progress = whole, nil, nil
		if undisturbed := mustSolve(t, s, o); !slices.Equal(r.Object.Data, undisturbed.Object.Data) || !slices.Equal(r.Probe, undisturbed.Probe) {
			t.Errorf("%s: the result is not that of %d whole iterations", e, whole)
		}
	}
}

// A run without a whole iteration has no result.
func TestStop_BeforeTheFirstIterationIsAnError(t *testing.T) {
	s, _ := small(t, nil)
	stop := make(chan struct{})
	close(stop)
	for _, e := range Engines() {
		if _, err := Solve(context.Background(), s, Options{Engine: e, Stop: stop}); !errors.Is(err, errStopped) {
			t.Errorf("%s, stopped at its start: %v, want ErrStopped", e, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, e := range Engines() {
		if _, err := Solve(ctx, s, Options{Engine: e}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want cancelled", e, err)
		}
	}
}
