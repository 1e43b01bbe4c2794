// Package feeding measures how batches are gathered: by the feed alone, and the share of a step that waits for them.
package feeding

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/bench"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// Way is one way of gathering batches ahead of the step, in the terms of the settings.
type Way struct {
	Workers        int `json:"num_workers"`
	PrefetchFactor int `json:"prefetch_factor"` // batches that each worker gathers ahead

	Persistent bool `json:"persistent_workers"`
	Pin        bool `json:"pin_memory"`
}

// ask puts the way into the options of a session, as the settings of a training do.
func (f Way) ask(o *backend.OpenOptions) {
	o.Workers, o.Prefetch = f.Workers, f.PrefetchFactor*max(f.Workers, 1)
	o.Persistent, o.PinMemory = f.Persistent, f.Pin
}

// Result is what a feed did, alone and before the steps of a backend.
type Result struct {
	Backend  string `json:"backend"`
	Device   string `json:"device"`
	Threads  int    `json:"threads"` // of computation; 0: all cores
	N        int    `json:"n"`
	Gridsize int    `json:"gridsize"`
	Patterns int    `json:"patterns"` // of a batch
	Steps    int    `json:"steps"`
	Way
	GatherSeconds  float64 `json:"gather_s"`     // of a batch, by the feed alone in this process: wall, of the quickest pass
	GatherPatterns float64 `json:"gather_per_s"` // patterns/s
	StepSeconds    float64 `json:"step_s"`       // of a training step: mean, wall
	WaitedSeconds  float64 `json:"waited_s"`     // of it, for batches
	WaitedShare    float64 `json:"waited_share"` // 0 … 1
}

// passes is how often the feed alone goes through the batches; each pass is a plan. The quickest counts.
const passes = 10

// Run measures ways of feeding one case, one after the other: sessions of one process of the backend, and the same
// batches for all. look hears of each result.
func Run(ctx context.Context, c bench.Case, ways []Way, h host.Host, look func(Result)) error {
	work, err := bench.Prepare(ctx, c)
	if err != nil {
		return err
	}
	defer work.Remove()
	engine, err := h.Start(ctx)
	if err != nil {
		return err
	}
	defer engine.Stop(context.WithoutCancel(ctx)) //nolint:errcheck // results are in hand; the process is killed if it must be
	for _, way := range ways {
		r := Result{Backend: engine.Info().Name, Device: c.Device, Threads: c.Threads, N: c.Model.N, Gridsize: c.Model.Gridsize,
			Patterns: c.Patterns, Steps: c.Steps, Way: way}
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

// alone gathers the batches of all steps and does nothing with them.
func (r *Result) alone(ctx context.Context, w *bench.Work) error {
	o := backend.OpenOptions{Program: w.Model.Program}
	r.ask(&o)
	s := feed.NewSession(w.Model.Program, feed.Asked(o, tensor.Float32))
	defer s.CloseAll() //nolint:errcheck // it has read alone
	id, err := w.Bind(ctx, s)
	if err != nil {
		return err
	}
	batches := w.Batches()
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

// steps trains and takes from each result what the step waited.
func (r *Result) steps(ctx context.Context, w *bench.Work, engine host.Engine) error {
	session, id, err := w.Open(ctx, engine, r.ask)
	if err != nil {
		return err
	}
	defer session.Close()
	for _, steps := range [][]backend.Step{w.Warm(), w.Measured()} {
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

// Ways combines numbers of workers and factors, each pair once. Negative numbers are refused.
func Ways(workers, factors []int, persistent, pin bool) ([]Way, error) {
	var out []Way
	for _, w := range workers {
		for _, f := range factors {
			if w < 0 || f < 0 {
				return nil, host.Failf(host.ExitUsage, "bench feed: %d workers, %d batches ahead: neither may be negative", w, f)
			}
			one := Way{Workers: w, PrefetchFactor: f, Persistent: persistent, Pin: pin}
			if !slices.Contains(out, one) {
				out = append(out, one)
			}
		}
	}
	return out, nil
}
