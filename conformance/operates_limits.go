package conformance

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
)

// eventsEnd records the events of a session until after it is closed.
func eventsEnd(s *subject) error {
	w, err := ledger(2)
	if err != nil {
		return err
	}
	if err := s.lists(w.program); err != nil {
		return err
	}
	var closed atomic.Bool
	var seen atomic.Int64
	fault := make(chan error, 1)
	report := func(err error) {
		select {
		case fault <- err:
		default:
		}
	}
	session, err := s.backend.Open(s.ctx, backend.OpenOptions{Program: w.program, DType: s.target.DType, Devices: s.target.Devices, Strategy: s.target.Strategy, Threads: 1, Progress: func(e backend.Event) {
		seen.Add(1)
		switch {
		case closed.Load():
			report(fmt.Errorf("the event %q came after Close", e.Phase))
		case e.Phase == "":
			report(fmt.Errorf("an event has no phase: %+v", e))
		case e.Done < 0 || e.Total < 0 || e.Total > 0 && e.Done > e.Total || !(e.Seconds >= 0):
			report(fmt.Errorf("an event has %d of %d done in %v s", e.Done, e.Total, e.Seconds))
		}
	}})
	if err != nil {
		return err
	}
	err = s.usable(session, w)
	const patience = 200 * time.Millisecond // of a machine that is busy, for events that are on their way
	time.Sleep(patience)
	before := seen.Load()
	if e := session.Close(); err == nil {
		err = e
	}
	closed.Store(true)
	if err != nil {
		return err
	}
	if before == 0 && seen.Load() > 0 {
		return fmt.Errorf("the session's %d events came only with Close", seen.Load())
	}
	const late = 20 * time.Millisecond
	select {
	case err = <-fault:
	case <-time.After(late):
	}
	return err
}

func eachDevice(s *subject) error {
	list, err := s.backend.Devices(s.ctx)
	if err != nil {
		return err
	}
	again, err := s.backend.Devices(s.ctx)
	if err != nil {
		return err
	}
	names := func(l []backend.Device) (out []string) {
		for _, d := range l {
			out = append(out, d.ID)
		}
		return out
	}
	if !slices.Equal(names(list), names(again)) {
		return fmt.Errorf("the devices are %v, and %v when asked again", names(list), names(again))
	}
	if n := slices.Sorted(slices.Values(names(list))); len(slices.Compact(n)) != len(list) {
		return fmt.Errorf("two of the devices %v have the same name", names(list))
	}
	w, err := ledger(2)
	if err != nil {
		return err
	}
	for _, d := range list {
		if !d.Usable {
			continue
		}
		theirs, mine, err := s.openBothWith(w, func(o *backend.OpenOptions) { o.Devices, o.Strategy = []string{d.ID}, "" })
		if err != nil {
			return fmt.Errorf("the device %s is usable, but: %w", d.ID, err)
		}
		if err := s.evaluated("on the device "+d.ID, theirs, mine, false, w.batch()); err != nil {
			return err
		}
	}
	return nil
}

// enlarger returns a program with a value that is 4096 times as large as its input: 1 MiB in float32 for each pattern. Its result is the
// mean of the central pixels only, because the rounding of large sums is not what the case is about.
func enlarger() (*work, error) {
	p := &program.Program{Name: "enlarger", N: 8, Group: 1}
	p.Inputs = []program.Input{{Name: program.Counts, Type: program.Type{Kind: program.Real, Shape: program.Shape{-1, 1, 8, 8}}}}
	p.Params = []program.Param{{Name: "gain", Kind: program.Real, Shape: []int{8, 8}, Init: program.Init{Kind: program.KaimingUniform}, Trainable: true}}
	p.Ops = []program.Op{{Kind: program.Mul, Out: "x0", In: []string{program.Counts, "gain"}}}
	const doublings = 6
	for i := range doublings {
		p.Ops = append(p.Ops, program.Op{Kind: program.Upsample2, Out: fmt.Sprintf("x%d", i+1), In: []string{fmt.Sprintf("x%d", i)}})
	}
	const side, kept = 8 << doublings, 8
	p.Ops = append(p.Ops,
		program.Op{Kind: program.Crop, Out: "centre", In: []string{fmt.Sprintf("x%d", doublings)}, Attrs: map[string]float64{"amount": (side - kept) / 2}},
		program.Op{Kind: program.MeanPixels, Out: "mean", In: []string{"centre"}})
	p.Scalars = []program.Scalar{{Name: "mean", Value: "mean", Loss: true}}
	return newWork(p, 2, 3, 1)
}

// memoryLimit asks for 3 GiB where 512 MiB are allowed. Some engines need 350 MiB for themselves.
func memoryLimit(s *subject) error {
	w, err := enlarger()
	if err != nil {
		return err
	}
	theirs, mine, err := s.openBothWith(w, func(o *backend.OpenOptions) { o.MemoryLimit = 512 << 20 })
	if err != nil {
		return err
	}
	const patterns = 3000
	wide := backend.Batch{Rows: make([]int32, patterns)}
	evaluate := func() error {
		return theirs.session.Evaluate(s.ctx, backend.EvalPlan{Dataset: theirs.ref.Dataset, Batches: []backend.Batch{wide}}, collect[backend.EvalResult](nil))
	}
	what := fmt.Sprintf("a batch of %d patterns, which needs %d MiB with a limit of 512 MiB,", patterns, patterns)
	if err := refused(what, evaluate(), backend.Exhausted); err != nil {
		return err
	}
	if s.info.Has(backend.CanTrain) {
		before, err := theirs.session.State(s.ctx)
		if err != nil {
			return err
		}
		p := plan(theirs.ref, descent, 1e-3, 1)
		p.Steps[0].Batches = []backend.Batch{wide}
		if err := refused("a step with "+what, theirs.session.Step(s.ctx, p, collect[backend.StepResult](nil)), backend.Exhausted); err != nil {
			return err
		}
		after, err := theirs.session.State(s.ctx)
		if err != nil {
			return err
		}
		if err := sameState("after a step that needs too much memory", after, before); err != nil {
			return err
		}
	}
	return s.evaluated("after a batch that needs too much memory", theirs, mine, false, w.batch(), w.part(1))
}
