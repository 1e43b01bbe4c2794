// Package bench measures a backend on a simulated scan. The arithmetic of a step does not depend on the contents of the patterns.
package bench

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/host"
)

// Result holds the measured times and memory of one case. A value that is not available on this machine is 0.
type Result struct {
	Backend         string  `json:"backend"`
	Engine          string  `json:"engine"`
	Device          string  `json:"device"`
	Threads         int     `json:"threads"` // 0: all cores
	TF32            bool    `json:"tf32"`    // products of reduced precision were allowed
	Arch            string  `json:"arch"`
	N               int     `json:"n"`
	Gridsize        int     `json:"gridsize"`
	FiltersScale    int     `json:"n_filters_scale"`
	Parameters      int     `json:"parameters"`
	Patterns        int     `json:"patterns"` // of a batch
	Steps           int     `json:"steps"`
	StartSeconds    float64 `json:"start_s"`       // until the plugin answers
	CompileSeconds  float64 `json:"compile_s"`     // as reported by the backend, or else opening and the first step less one step
	StepSeconds     float64 `json:"step_s"`        // median, wall
	StepCPUSeconds  float64 `json:"step_cpu_s"`    // mean, of the plugin's process
	TrainPatterns   float64 `json:"train_per_s"`   // patterns/s
	PredictSeconds  float64 `json:"predict_s"`     // median of a batch, wall
	PredictPatterns float64 `json:"predict_per_s"` // patterns/s
	PeakBytes       int64   `json:"peak_bytes"`    // of the plugin's process
	MemoryBytes     []int64 `json:"memory_bytes"`  // of the same, after each tenth of the measured steps
}

// Run measures a case.
func Run(ctx context.Context, c Case, h host.Host) (Result, error) {
	var r Result
	work, err := Prepare(ctx, c)
	if err != nil {
		return r, err
	}
	defer work.Remove()

	began := time.Now()
	engine, err := h.Start(ctx)
	if err != nil {
		return r, err
	}
	defer engine.Stop(context.WithoutCancel(ctx)) //nolint:errcheck // the results are complete; Stop kills the process if necessary
	r.StartSeconds = time.Since(began).Seconds()
	info := engine.Info()
	r.Backend, r.Engine, r.Device, r.Threads, r.TF32 = info.Name, info.Engine, c.Device, c.Threads, c.TF32
	r.Arch, r.N, r.Gridsize, r.FiltersScale = work.Model.Program.Name, c.Model.N, c.Model.Gridsize, c.Model.FiltersScale
	r.Parameters, r.Patterns, r.Steps = work.Model.Parameters(), c.Patterns, c.Steps

	var reported atomic.Uint64 // nanoseconds of compilation
	began = time.Now()
	session, id, err := work.Open(ctx, engine, func(o *backend.OpenOptions) {
		o.Progress = func(e backend.Event) {
			if e.Phase == "compile" {
				reported.Add(uint64(e.Seconds * float64(time.Second)))
			}
		}
	})
	if err != nil {
		return r, err
	}
	defer session.Close()
	usage := func() (float64, int64, int64) { return 0, 0, 0 }
	if m, ok := engine.(host.Meter); ok {
		usage = m.Usage
	}
	if err := r.train(ctx, work, session, id, began, usage); err != nil {
		return r, err
	}
	if compiled := reported.Load(); compiled > 0 {
		r.CompileSeconds = float64(compiled) / float64(time.Second)
	}
	if err := r.predict(ctx, session, id, work.batches()); err != nil {
		return r, err
	}
	_, _, r.PeakBytes = usage()
	return r, nil
}

// train measures the steps. The time of compilation is that of opening and the first step, since began, less one step. Run
// replaces it if the backend reports its own.
func (r *Result) train(ctx context.Context, work *Work, session backend.Session, id backend.DatasetID, began time.Time, usage func() (float64, int64, int64)) error {
	first, err := work.train(ctx, session, id, work.Steps[:1], nil)
	if err != nil {
		return err
	}
	compile := time.Since(began).Seconds()
	if _, err = work.train(ctx, session, id, work.Steps[1:warmup], nil); err != nil {
		return err
	}
	before, _, _ := usage()
	took, err := work.train(ctx, session, id, work.measured(), func(done int) {
		if done%max(r.Steps/10, 1) == 0 { // a tenth of the steps, as in the help of --memory
			_, now, _ := usage()
			r.MemoryBytes = append(r.MemoryBytes, now)
		}
	})
	if err != nil {
		return err
	}
	after, _, _ := usage()
	r.StepCPUSeconds = (after - before) / float64(r.Steps)
	r.StepSeconds = median(took)
	r.CompileSeconds = max(compile-min(r.StepSeconds, first[0]), 0)
	r.TrainPatterns = float64(r.Patterns) / r.StepSeconds
	return nil
}

// predict measures the prediction of the batches.
func (r *Result) predict(ctx context.Context, session backend.Session, id backend.DatasetID, batches []backend.Batch) error {
	var took []float64
	last := time.Now()
	err := session.Reconstruct(ctx, backend.ReconPlan{Dataset: id, Batches: batches}, func(backend.Patches) error {
		took = append(took, time.Since(last).Seconds())
		last = time.Now()
		return nil
	})
	if err != nil {
		return err
	}
	r.PredictSeconds = median(took[warmup:])
	r.PredictPatterns = float64(r.Patterns) / r.PredictSeconds
	return nil
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}
