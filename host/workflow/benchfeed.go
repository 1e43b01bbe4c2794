package workflow

import (
	"context"
	"math"
	"os"
	"slices"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// Feeding is one way of gathering batches ahead of the step, in the terms of the settings.
type Feeding struct {
	Workers        int `json:"num_workers"`
	PrefetchFactor int `json:"prefetch_factor"` // batches that each worker gathers ahead

	Persistent bool `json:"persistent_workers"`
	Pin        bool `json:"pin_memory"`
}

// ask puts the way into the options of a session, as the settings of a training do.
func (f Feeding) ask(o *backend.OpenOptions) {
	o.Workers, o.Prefetch = f.Workers, f.PrefetchFactor*max(f.Workers, 1)
	o.Persistent, o.PinMemory = f.Persistent, f.Pin
}

// FeedResult is what a feed did, alone and before the steps of a backend.
type FeedResult struct {
	Backend  string `json:"backend"`
	Device   string `json:"device"`
	Threads  int    `json:"threads"` // of computation; 0: all cores
	N        int    `json:"n"`
	Gridsize int    `json:"gridsize"`
	Patterns int    `json:"patterns"` // of a batch
	Steps    int    `json:"steps"`
	Feeding
	GatherSeconds  float64 `json:"gather_s"`     // of a batch, by the feed alone in this process: wall, of the quickest pass
	GatherPatterns float64 `json:"gather_per_s"` // patterns/s
	StepSeconds    float64 `json:"step_s"`       // of a training step: mean, wall
	WaitedSeconds  float64 `json:"waited_s"`     // of it, for batches
	WaitedShare    float64 `json:"waited_share"` // 0 … 1
}

// feedPasses is how often the feed alone goes through the batches; each pass is a plan. The quickest counts.
const feedPasses = 10

// BenchFeed measures ways of feeding one case, one after the other: sessions of one process of the backend, and the same
// batches for all. look hears of each result.
func BenchFeed(ctx context.Context, c BenchCase, ways []Feeding, host Host, look func(FeedResult)) error {
	work, err := newBenchWork(ctx, &c)
	if err != nil {
		return err
	}
	defer os.RemoveAll(work.spool)
	engine, err := host.Start(ctx)
	if err != nil {
		return err
	}
	defer engine.Stop(context.WithoutCancel(ctx)) //nolint:errcheck // results are in hand; the process is killed if it must be
	for _, way := range ways {
		r := FeedResult{Backend: engine.Info().Name, Device: c.Device, Threads: c.Threads, N: c.Arch.N, Gridsize: c.Arch.Gridsize,
			Patterns: c.Patterns, Steps: c.Steps, Feeding: way}
		if err := work.feedAlone(ctx, &r); err != nil {
			return err
		}
		if err := work.feedSteps(ctx, c, engine, &r); err != nil {
			return err
		}
		look(r)
	}
	return nil
}

// feedAlone gathers the batches of all steps and does nothing with them.
func (w *benchWork) feedAlone(ctx context.Context, r *FeedResult) error {
	o := backend.OpenOptions{Program: w.program}
	r.ask(&o)
	s := feed.NewSession(w.program, feed.Asked(o, tensor.Float32))
	defer s.CloseAll() //nolint:errcheck // it has read alone
	id, err := s.Bind(ctx, w.dataset)
	if err != nil {
		return err
	}
	var batches []backend.Batch
	for _, st := range w.steps {
		batches = append(batches, st.Batches...)
	}
	best := math.Inf(1)
	for range feedPasses {
		began := time.Now()
		if err := s.Batches(ctx, id, batches, w.program.ScalarValues(), func(feed.Item) error { return nil }); err != nil {
			return err
		}
		best = min(best, time.Since(began).Seconds())
	}
	r.GatherSeconds = best / float64(len(batches))
	r.GatherPatterns = float64(r.Patterns) / r.GatherSeconds
	return nil
}

// feedSteps trains and takes from each result what the step waited.
func (w *benchWork) feedSteps(ctx context.Context, c BenchCase, engine Engine, r *FeedResult) error {
	o := backend.OpenOptions{Program: w.program, Devices: c.devices(), Threads: c.Threads, Deterministic: true, Train: true}
	r.ask(&o)
	session, err := engine.Open(ctx, o)
	if err != nil {
		return err
	}
	defer session.Close()
	if err := session.SetState(ctx, w.state); err != nil {
		return err
	}
	id, err := session.Bind(ctx, w.dataset)
	if err != nil {
		return err
	}
	for _, steps := range [][]backend.Step{w.steps[:benchWarmup], w.steps[benchWarmup:]} {
		waited := 0.0
		began := time.Now()
		err := session.Step(ctx, benchPlan(id, steps), func(s backend.StepResult) error {
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

// Feedings combines numbers of workers and factors, each pair once. Negative numbers are refused.
func Feedings(workers, factors []int, persistent, pin bool) ([]Feeding, error) {
	var out []Feeding
	for _, w := range workers {
		for _, f := range factors {
			if w < 0 || f < 0 {
				return nil, failf(ExitUsage, "bench feed: %d workers, %d batches ahead: neither may be negative", w, f)
			}
			one := Feeding{Workers: w, PrefetchFactor: f, Persistent: persistent, Pin: pin}
			if !slices.Contains(out, one) {
				out = append(out, one)
			}
		}
	}
	return out, nil
}
