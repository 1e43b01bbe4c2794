package conformance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
)

// edges has the cases about calls and files that end in the middle of something.
var edges = []Case{
	{Operates, "cancel/within-step", "a step whose context ends between its micro-batches does not compute the rest of them", withOracle(cancelsWithin, backend.CanTrain)},
	{Operates, "files/cut-later", "a file that is cut short after Bind gives its old numbers or an error, and the process lives on", withLedger(cutLater)},
	{Operates, "memory-limit/weights", "weights that need more than the memory limit are exhausted", limitsWeights},
}

// clockOf returns a clock that a busy machine does not disturb: the processor time of the backend's process, or else the time of day.
func (s *subject) clockOf() func() time.Duration {
	if p, ok := s.backend.(Process); ok {
		used := func() time.Duration {
			cpu, _, _ := p.Usage()
			return time.Duration(cpu * float64(time.Second))
		}
		if used() > 0 {
			return used
		}
	}
	began := time.Now()
	return func() time.Duration { return time.Since(began) }
}

// cancelsWithin compares the time of a step of many micro-batches with that of one whose context ends after a tenth of it. A step before
// it shows that the backend has the whole plan.
func cancelsWithin(s *subject, theirs, mine runner, w *work) error {
	const (
		enough = 300 * time.Millisecond // to distinguish the times
		most   = 12800
		tries  = 4 // the machine may be busy
	)
	n, now := 400, s.clockOf()
	steps := func(ctx context.Context, begun func()) error {
		p := plan(theirs.ref, descent, 0, 2) // keeps the weights
		p.Steps[1].Batches = w.many(n)
		return theirs.session.Step(ctx, p, func(r backend.StepResult) error {
			if r.Number == 1 {
				begun()
			}
			return nil
		})
	}
	var began, whole, lasted time.Duration
	for {
		var day time.Time
		if err := steps(s.ctx, func() { began, day = now(), time.Now() }); err != nil {
			return err
		}
		lasted = time.Since(day)
		if whole = now() - began; whole >= enough || n >= most {
			break
		}
		n *= 2
	}
	var took time.Duration
	for range tries {
		ctx, cancel := context.WithCancel(s.ctx)
		err := steps(ctx, func() {
			began = now()
			time.AfterFunc(lasted/10, cancel)
		})
		cancel()
		if err == nil {
			continue // it was faster than before
		}
		if err := refused(fmt.Sprintf("a step of %d micro-batches whose context ended in the middle", n), err, backend.Cancelled); err != nil {
			return err
		}
		if _, err := theirs.session.State(s.ctx); err != nil { // waits for the end of the step
			return err
		}
		if took = now() - began; took < whole*7/10 {
			return s.goesOn("after a step that was cancelled", theirs, mine, w)
		}
	}
	if took == 0 {
		return s.goesOn("after a step", theirs, mine, w)
	}
	return fmt.Errorf("a step of %d micro-batches takes %v, and when its context ends after a tenth of it, the next call waits until %v: the step is not cancelled", n, whole, took)
}

// cutLater truncates a file that is bound, as a program that writes the scan again does.
func cutLater(s *subject, r runner, w *work) error {
	folder, err := os.MkdirTemp("", "ptycho-conformance-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // nothing to keep
	d := w.dataset()
	a := &d.Arrays[slices.IndexFunc(d.Arrays, func(a backend.Array) bool { return a.Input == program.Counts })]
	path := filepath.Join(folder, "counts")
	if err := os.WriteFile(path, a.Value.Bytes(), 0o600); err != nil {
		return err
	}
	a.File = &backend.FileRef{Path: path, DType: a.Value.DType(), Shape: a.Value.Shape()}
	a.Value = tensor.Tensor{}
	id, err := r.session.Bind(s.ctx, d)
	if err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	evaluate := func(id backend.DatasetID) error {
		return r.session.Evaluate(s.ctx, backend.EvalPlan{Dataset: id, Batches: []backend.Batch{w.batch()}}, collect[backend.EvalResult](nil))
	}
	if err := evaluate(id); err != nil {
		return fmt.Errorf("before the file is cut: %w", err)
	}
	if os.Truncate(path, 0) != nil {
		return nil // a system that does not allow it
	}
	if err := evaluate(id); err != nil {
		if err := refused("a dataset whose file was cut", err, backend.Invalid, backend.NotFound, backend.Unavailable); err != nil {
			return err
		}
	}
	return evaluate(r.ref.Dataset)
}

// limitsWeights opens a program with weights of 24 MiB where 16 MiB are allowed.
func limitsWeights(s *subject) error {
	const rows = 24 << 20 / (4 * 64)
	p := &program.Program{Name: "heavy", N: 8, Group: 1}
	p.Inputs = []program.Input{{Name: program.Counts, Type: program.Type{Kind: program.Real, Shape: program.Shape{-1, 1, 8, 8}}}, {Name: "rows", Type: program.Type{Kind: program.Index, Shape: program.Shape{-1, 1}}}}
	p.Params = []program.Param{{Name: "table", Kind: program.Real, Shape: []int{rows, 8, 8}, Init: program.Init{Kind: program.KaimingUniform}, Trainable: true}}
	p.Ops = []program.Op{{Kind: program.Gather, Out: "row", In: []string{"table", "rows"}}, {Kind: program.Mul, Out: "product", In: []string{"row", program.Counts}}, {Kind: program.MeanPixels, Out: "mean", In: []string{"product"}}}
	p.Scalars = []program.Scalar{{Name: "mean", Value: "mean", Loss: true}}
	w := &work{program: p, groups: 1, given: map[string]*reference.Value{}, order: []int32{0}, weights: []float32{1}}
	w.given[program.Counts] = reference.NewValue(program.Real, []int{1, 1, 8, 8})
	w.given["rows"] = reference.NewValue(program.Index, []int{1, 1})
	table := tensor.Must(make([]float32, rows*64), rows, 8, 8)
	if err := s.lists(p); err != nil {
		return err
	}
	session, err := s.backend.Open(s.ctx, backend.OpenOptions{Program: p, DType: s.target.DType, Devices: s.target.Devices, Strategy: s.target.Strategy, Threads: 1, MemoryLimit: 16 << 20})
	if err == nil {
		s.sessions = append(s.sessions, session)
		err = session.SetState(s.ctx, backend.State{Slots: map[backend.Slot]map[string]tensor.Tensor{backend.Weights: {"table": table}}})
	}
	var id backend.DatasetID
	if err == nil {
		id, err = session.Bind(s.ctx, w.dataset())
	}
	if err == nil {
		err = session.Evaluate(s.ctx, backend.EvalPlan{Dataset: id, Batches: []backend.Batch{w.batch()}}, collect[backend.EvalResult](nil))
	}
	return refused("a program with weights of 24 MiB and a limit of 16 MiB", err, backend.Exhausted)
}
