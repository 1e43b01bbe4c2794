package bench

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// FeedWay is one combination of the settings that gather batches ahead of the step.
type FeedWay struct {
	Workers        int `json:"num_workers"`
	PrefetchFactor int `json:"prefetch_factor"` // batches that each worker gathers ahead

	Persistent bool `json:"persistent_workers"`
	Pin        bool `json:"pin_memory"`
}

// apply sets the options of a session, as the settings of a training do.
func (f FeedWay) apply(o *backend.OpenOptions) {
	o.Workers, o.Prefetch = f.Workers, f.PrefetchFactor*max(f.Workers, 1)
	o.Persistent, o.PinMemory = f.Persistent, f.Pin
}

// FeedResult holds the times of a feed, alone and with the steps of a backend.
type FeedResult struct {
	Backend  string `json:"backend"`
	Device   string `json:"device"`
	Threads  int    `json:"threads"` // of computation; 0: all cores
	N        int    `json:"n"`
	Gridsize int    `json:"gridsize"`
	Patterns int    `json:"patterns"` // of a batch
	Steps    int    `json:"steps"`
	FeedWay
	GatherSeconds  float64 `json:"gather_s"`     // of a batch, by the feed alone in this process: wall, of the fastest pass
	GatherPatterns float64 `json:"gather_per_s"` // patterns/s
	StepSeconds    float64 `json:"step_s"`       // of a training step: mean, wall
	WaitedSeconds  float64 `json:"waited_s"`     // part of StepSeconds that waits for batches
	WaitedShare    float64 `json:"waited_share"` // 0 … 1
}

// passes is the number of passes of the feed alone through the batches. Each pass is a plan, and the fastest counts.
const passes = 10

// RunFeed measures the gathering of batches, by the feed alone and as the share of a step that waits for batches, in ways of feeding one case, one after the other, with the same batches in sessions of one backend process. It
// calls look with each result.
func RunFeed(ctx context.Context, c Case, ways []FeedWay, h host.Host, look func(FeedResult)) error {
	work, err := Prepare(ctx, c)
	if err != nil {
		return err
	}
	defer work.Remove()
	engine, err := h.Start(ctx)
	if err != nil {
		return err
	}
	defer engine.Stop(context.WithoutCancel(ctx)) //nolint:errcheck // the results are complete; Stop kills the process if necessary
	for _, way := range ways {
		r := FeedResult{Backend: engine.Info().Name, Device: c.Device, Threads: c.Threads, N: c.Model.N, Gridsize: c.Model.Gridsize,
			Patterns: c.Patterns, Steps: c.Steps, FeedWay: way}
		if err := r.alone(ctx, work); err != nil {
			return err
		}
		if err := r.steps(ctx, work, engine); err != nil {
			return err
		}
		look(r)
	}
	return nil
}

// alone gathers the batches of all steps without computing.
func (r *FeedResult) alone(ctx context.Context, w *Work) error {
	o := backend.OpenOptions{Program: w.Model.Program}
	r.apply(&o)
	s := feed.NewSession(w.Model.Program, feed.Asked(o, tensor.Float32))
	defer s.CloseAll() //nolint:errcheck // the session has only read
	id, err := s.Bind(ctx, w.dataset)
	if err != nil {
		return err
	}
	batches := w.batches()
	best := math.Inf(1)
	for range passes {
		began := time.Now()
		if err := s.Batches(ctx, id, batches, w.Model.Program.ScalarValues(), func(feed.Item) error { return nil }); err != nil {
			return err
		}
		best = min(best, time.Since(began).Seconds())
	}
	r.GatherSeconds = best / float64(len(batches))
	r.GatherPatterns = float64(r.Patterns) / r.GatherSeconds
	return nil
}

// steps trains and sums the times that the steps waited.
func (r *FeedResult) steps(ctx context.Context, w *Work, engine host.Engine) error {
	session, id, err := w.Open(ctx, engine, r.apply)
	if err != nil {
		return err
	}
	defer session.Close()
	for _, steps := range [][]backend.Step{w.Warm(), w.measured()} {
		waited := 0.0
		began := time.Now()
		err := session.Step(ctx, w.Plan(id, steps), func(s backend.StepResult) error {
			waited += s.Waited
			return nil
		})
		if err != nil {
			return err
		}
		took := time.Since(began).Seconds()
		r.StepSeconds, r.WaitedSeconds, r.WaitedShare = took/float64(len(steps)), waited/float64(len(steps)), waited/took
	}
	return nil
}

// FeedWays combines numbers of workers and factors, each pair once. It returns an error for negative numbers.
func FeedWays(workers, factors []int, persistent, pin bool) ([]FeedWay, error) {
	var out []FeedWay
	for _, w := range workers {
		for _, f := range factors {
			if w < 0 || f < 0 {
				return nil, host.Failf(host.ExitUsage, "bench feed: --num-workers %d, --prefetch-factor %d: want at least 0", w, f)
			}
			one := FeedWay{Workers: w, PrefetchFactor: f, Persistent: persistent, Pin: pin}
			if !slices.Contains(out, one) {
				out = append(out, one)
			}
		}
	}
	return out, nil
}
