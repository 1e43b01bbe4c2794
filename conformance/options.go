package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/disk"
	"github.com/ptychogo/ptycho/internal/words"
)

// options has the cases for the options of a session: a backend must apply the options that it lists and reject all others,
// so that no option is silently ignored.
var options = []Case{
	{Speaks, "options/persistent-workers", "persistent workers are accepted by a backend that lists them; otherwise they are unsupported", func(s *subject) error {
		return s.offered(backend.CanPersist, func(o *backend.OpenOptions) { o.Workers, o.Prefetch, o.Persistent = 2, 3, true })
	}},
	{Speaks, "options/pin-memory", "pinned memory is accepted by a backend that lists it, for a dataset in a file; otherwise it is unsupported", func(s *subject) error {
		return s.offered(backend.CanPin, func(o *backend.OpenOptions) { o.PinMemory = true })
	}},
	{Speaks, "options/strategy", "a backend that lists strategies supports at least one; otherwise every strategy is unsupported", func(s *subject) error {
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
	{Speaks, "options/multi-device", "two devices are accepted by a backend that lists multi-device; otherwise they are unsupported", func(s *subject) error {
		list, err := s.backend.Devices(s.ctx)
		if err != nil {
			return err
		}
		usable := alike(list)
		if s.info.Has(backend.CanDevices) && len(usable) < 2 {
			return &skip{reason: fmt.Sprintf("this machine has %s of one kind, but two are needed", words.Of(len(usable), "usable device"))}
		}
		if len(usable) == 1 { // a backend that supports one device does not check the names of two
			usable = append(usable, usable[0])
		}
		return s.offered(backend.CanDevices, func(o *backend.OpenOptions) { o.Devices = usable[:min(2, len(usable))] })
	}},
	{Reproduces, "bits/feed", "the bits do not depend on the number of workers, on the prefetch or on persistent workers", func(s *subject) error {
		first := true
		return s.sameBitsWith(func(r runner, _ *work) error {
			p := plan(r.ref, adam, 1e-3, 8)
			for i, st := range p.Steps { // each with its own batch, so that their order matters
				b := st.Batches[0]
				rows, weights := append([]int32{}, b.Rows[i:]...), append([]float32{}, b.Weights[i:]...)
				b.Rows, b.Weights = append(rows, b.Rows[:i]...), append(weights, b.Weights[:i]...)
				p.Steps[i].Batches = []backend.Batch{b}
			}
			if first {
				first = false
				return r.session.Step(s.ctx, p, collect[backend.StepResult](nil))
			}
			for _, half := range [][]backend.Step{p.Steps[:5], p.Steps[5:]} { // persistent workers serve two plans
				one := p
				one.Steps = half
				if err := r.session.Step(s.ctx, one, collect[backend.StepResult](nil)); err != nil {
					return err
				}
			}
			return nil
		}, func(*backend.OpenOptions) {}, func(o *backend.OpenOptions) {
			o.Workers, o.Prefetch, o.Persistent = 3, 4, s.info.Has(backend.CanPersist)
		})
	}},
}

// alike lists the usable devices of the kind that has most of them, cpu or cuda: work is shared among devices of one kind.
func alike(list []backend.Device) []string {
	var most []string
	kinds := map[string][]string{}
	for _, d := range list {
		if d.Usable {
			kind, _, _ := strings.Cut(d.ID, ":")
			kinds[kind] = append(kinds[kind], d.ID)
			if len(kinds[kind]) > len(most) {
				most = kinds[kind]
			}
		}
	}
	return most
}

// strategies are the host's names for ways to share the work among devices.
var strategies = []string{"ddp", "fsdp", "deepspeed"}

// offered opens the small network with an option. If the backend lists c, it must evaluate a batch from a dataset in a
// file; otherwise it must reject the option.
func (s *subject) offered(c backend.Capability, ask func(*backend.OpenOptions)) error {
	w, err := small()
	if err != nil {
		return err
	}
	if err := s.lists(w.program); err != nil {
		return err
	}
	session, err := s.begin(w, ask)
	if !s.info.Has(c) {
		return refused(fmt.Sprintf("%s, which is not listed,", c), err, backend.Unsupported)
	}
	if err != nil {
		return fmt.Errorf("%s is listed, but opening with it fails: %w", c, err)
	}
	d, file, err := w.datasetInFile()
	if err != nil {
		return err
	}
	defer file.Close()
	id, err := session.Bind(s.ctx, d)
	if c == backend.CanPin && backend.KindOf(err) == backend.Exhausted {
		return &skip{reason: err.Error()} // because of a limit of this machine, not of the backend
	}
	if err != nil {
		return fmt.Errorf("%s is listed, but binding with it fails: %w", c, err)
	}
	for range 2 {
		var results []backend.EvalResult
		batches := []backend.Batch{w.batch(), w.batch()}
		if err := session.Evaluate(s.ctx, backend.EvalPlan{Dataset: id, Batches: batches}, collect(&results)); err != nil {
			return fmt.Errorf("%s is listed, but evaluating with it fails: %w", c, err)
		}
		if len(results) != len(batches) {
			return fmt.Errorf("%s is listed, but of %d batches only %d are evaluated with it", c, len(batches), len(results))
		}
	}
	return nil
}

// datasetInFile returns the dataset with its patterns in a file. The caller must close the file.
func (w *work) datasetInFile() (backend.Dataset, *disk.TemporaryFile, error) {
	d := w.dataset()
	i := slices.IndexFunc(d.Arrays, func(a backend.Array) bool { return a.Input == program.Counts })
	a := &d.Arrays[i]
	f, err := disk.NewTemporaryFile(int64(len(a.Value.Bytes())))
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
