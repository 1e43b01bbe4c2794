package conformance

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/scratch"
)

// options are the cases of what a session is opened with: a backend does what it lists and refuses the rest, so that none
// is left aside without a word.
var options = []Case{
	{Speaks, "options/persistent-workers", "workers that stay from plan to plan are taken by a backend that lists them, and unsupported by another", func(s *subject) error {
		return s.offered(backend.CanPersist, func(o *backend.OpenOptions) { o.Workers, o.Prefetch, o.Persistent = 2, 3, true })
	}},
	{Speaks, "options/pin-memory", "pinned memory is taken by a backend that lists it, for a dataset in a file, and unsupported by another", func(s *subject) error {
		return s.offered(backend.CanPin, func(o *backend.OpenOptions) { o.PinMemory = true })
	}},
	{Speaks, "options/strategy", "a strategy is unsupported by a backend that lists none; another knows one at least", func(s *subject) error {
		var refusals []error
		for _, name := range strategies {
			err := s.offered(backend.CanStrategy, func(o *backend.OpenOptions) { o.Strategy = name })
			if !s.info.Has(backend.CanStrategy) || err == nil {
				return err
			}
			refusals = append(refusals, err)
		}
		return errors.Join(refusals...)
	}},
	{Speaks, "options/multi-device", "two devices are taken by a backend that lists them, and unsupported by another", func(s *subject) error {
		list, err := s.backend.Devices(s.ctx)
		if err != nil {
			return err
		}
		var usable []string
		for _, d := range list {
			if d.Usable {
				usable = append(usable, d.ID)
			}
		}
		if s.info.Has(backend.CanDevices) && len(usable) < 2 {
			return &skip{fmt.Sprintf("this machine has %d usable devices, two are needed", len(usable))}
		}
		if len(usable) == 1 { // a backend that computes on one does not look at the names of two
			usable = append(usable, usable[0])
		}
		return s.offered(backend.CanDevices, func(o *backend.OpenOptions) { o.Devices = usable[:min(2, len(usable))] })
	}},
	{Reproduces, "bits/feed", "the bits do not depend on how many workers gather how far ahead, nor on whether they stay", func(s *subject) error {
		first := true
		return s.sameBitsWith(func(r runner, _ *work) error {
			p := plan(r.ref, adam, 1e-3, 8)
			for i, st := range p.Steps { // each its own batch, so that their order shows
				b := st.Batches[0]
				rows, weights := append([]int32{}, b.Rows[i:]...), append([]float32{}, b.Weights[i:]...)
				b.Rows, b.Weights = append(rows, b.Rows[:i]...), append(weights, b.Weights[:i]...)
				p.Steps[i].Batches = []backend.Batch{b}
			}
			if first {
				first = false
				return r.session.Step(s.ctx, p, kept[backend.StepResult](nil))
			}
			for _, half := range [][]backend.Step{p.Steps[:5], p.Steps[5:]} { // workers that stay see two plans
				one := p
				one.Steps = half
				if err := r.session.Step(s.ctx, one, kept[backend.StepResult](nil)); err != nil {
					return err
				}
			}
			return nil
		}, func(*backend.OpenOptions) {}, func(o *backend.OpenOptions) {
			o.Workers, o.Prefetch, o.Persistent = 3, 4, s.info.Has(backend.CanPersist)
		})
	}},
}

// strategies are the names that the host has for ways of sharing the work among devices.
var strategies = []string{"ddp", "fsdp", "deepspeed"}

// offered opens the small network with an option. A backend that lists c evaluates a batch of it, from a dataset in a
// file; another refuses to open it.
func (s *subject) offered(c backend.Capability, ask func(*backend.OpenOptions)) error {
	w, err := small()
	if err != nil {
		return err
	}
	session, err := s.begin(w, ask)
	if !s.info.Has(c) {
		return refused(fmt.Sprintf("%s, which is not listed,", c), err, backend.Unsupported)
	}
	if err != nil {
		return fmt.Errorf("%s is listed, opening with it: %w", c, err)
	}
	d, file, err := w.datasetInFile()
	if err != nil {
		return err
	}
	defer file.Close()
	id, err := session.Bind(s.ctx, d)
	if c == backend.CanPin && backend.KindOf(err) == backend.Exhausted {
		return &skip{err.Error()} // by the limit of this machine, not by the backend
	}
	if err != nil {
		return fmt.Errorf("%s is listed, binding with it: %w", c, err)
	}
	for range 2 {
		var results []backend.EvalResult
		batches := []backend.Batch{w.batch(), w.batch()}
		if err := session.Evaluate(s.ctx, backend.EvalPlan{Dataset: id, Batches: batches}, kept(&results)); err != nil {
			return fmt.Errorf("%s is listed, evaluating with it: %w", c, err)
		}
		if len(results) != len(batches) {
			return fmt.Errorf("%s is listed, of %d batches %d are evaluated with it", c, len(batches), len(results))
		}
	}
	return session.Unbind(s.ctx, id)
}

// datasetInFile is the dataset with its patterns in a file, which is to be closed.
func (w *work) datasetInFile() (backend.Dataset, *scratch.File, error) {
	d := w.dataset()
	i := slices.IndexFunc(d.Arrays, func(a backend.Array) bool { return a.Input == program.Counts })
	a := &d.Arrays[i]
	f, err := scratch.NewFile(int64(len(a.Value.Bytes())))
	if err != nil {
		return d, nil, err
	}
	if _, err := f.Write(a.Value.Bytes()); err != nil {
		f.Close()
		return d, nil, err
	}
	f.Seal()
	a.File = &backend.FileRef{Path: f.Path(), DType: a.Value.DType(), Shape: a.Value.Shape()}
	a.Value = tensor.Tensor{}
	return d, f, nil
}
