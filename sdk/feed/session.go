package feed

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// Session is the part of a backend's session that is the same for every engine: its datasets, Stop, and the iteration over
// a plan, whose batches it gathers ahead. A session that embeds it inherits Params, Bind and Stop of the contract.
type Session struct {
	program *program.Program
	options Options
	workers *workerPool // kept from plan to plan; nil: not persistent, or not needed yet
	open    map[backend.DatasetID]*Set
	count   int
	stop    atomic.Bool
}

// NewSession returns a Session for a program. Pass the options of Asked, so that every request of the host is applied.
func NewSession(p *program.Program, o Options) *Session {
	return &Session{program: p, options: o.complete(), open: map[backend.DatasetID]*Set{}}
}

// Params lists the program's parameters.
func (s *Session) Params() []program.ParamSpec { return s.program.Params }

// Bind opens a dataset and returns its identifier.
func (s *Session) Bind(_ context.Context, d backend.Dataset) (backend.DatasetID, error) {
	set, err := open(d, s.program.Inputs, s.program.Group, s.options.Pin)
	if err != nil {
		return "", err
	}
	s.count++
	id := backend.DatasetID(fmt.Sprintf("dataset-%d", s.count))
	s.open[id] = set
	return id, nil
}

func (s *Session) bound(id backend.DatasetID) (*Set, error) {
	if set, ok := s.open[id]; ok {
		return set, nil
	}
	return nil, backend.Errorf(backend.NotFound, "dataset", "%q is not bound in this session", id)
}

// Stop makes the running Steps or Batches return after the current step or batch.
func (s *Session) Stop(context.Context) error {
	s.stop.Store(true)
	return nil
}

// CloseAll closes every dataset and stops the workers.
func (s *Session) CloseAll() error {
	var errs []error
	if s.workers != nil {
		s.workers.stop()
		s.workers = nil
	}
	for _, set := range s.open {
		errs = append(errs, set.Close())
	}
	clear(s.open)
	return errors.Join(errs...)
}

// Steps checks a plan and runs its steps until the end, an error or Stop. step takes its micro-batches, in order, from
// next. The result's Waited is the time that step waits in next.
func (s *Session) Steps(ctx context.Context, p backend.StepPlan, emit func(backend.StepResult) error, step func(st backend.Step, next func() (Item, error)) (backend.StepResult, error)) error {
	s.stop.Store(false)
	set, err := s.bound(p.Dataset)
	if err != nil {
		return err
	}
	if err := p.Check(s.program); err != nil {
		return err
	}
	var batches []backend.Batch
	for _, st := range p.Steps {
		batches = append(batches, st.Batches...)
	}
	pull, end := iter.Pull2(s.feed(ctx, set, batches, s.program.ScalarValues()))
	defer end()
	for _, st := range p.Steps {
		if s.stop.Load() {
			return nil
		}
		var waited time.Duration
		r, err := step(st, func() (Item, error) {
			began := time.Now()
			item, err, ok := pull()
			waited += time.Since(began)
			if err == nil && !ok {
				err = backend.Errorf(backend.Internal, "step", "step %d: the batches ended early", st.Number)
			}
			return item, err
		})
		if err != nil {
			return err
		}
		r.Waited = waited.Seconds()
		if err := emit(r); err != nil {
			return err
		}
	}
	return nil
}

// Batches checks batches and iterates over them until the end, an error or Stop, with the inputs that the values of the
// program depend on.
func (s *Session) Batches(ctx context.Context, id backend.DatasetID, batches []backend.Batch, values []string, do func(Item) error) error {
	s.stop.Store(false)
	set, err := s.bound(id)
	if err != nil {
		return err
	}
	for _, b := range batches {
		if _, err := b.Groups(s.program); err != nil {
			return err
		}
	}
	for item, err := range s.feed(ctx, set, batches, values) {
		if s.stop.Load() {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(item); err != nil {
			return err
		}
	}
	return nil
}

// One gathers one batch with the inputs that the values of the program depend on. The caller owns its tensors.
func (s *Session) One(id backend.DatasetID, b backend.Batch, values ...string) (map[string]tensor.Tensor, error) {
	set, err := s.bound(id)
	if err != nil {
		return nil, err
	}
	groups, err := b.Groups(s.program)
	if err != nil {
		return nil, err
	}
	names := s.inputs(values)
	if len(names) == 0 {
		return nil, nil
	}
	inputs, err := set.Alloc(groups, s.options.Precision, names...)
	if err != nil {
		return nil, err
	}
	return inputs, set.Gather(b, inputs)
}

// inputs returns the inputs that the values depend on, or those that the options name.
func (s *Session) inputs(values []string) []string {
	if s.options.Inputs != nil {
		return s.options.Inputs
	}
	return s.program.InputsOf(values...)
}

// feed gathers the inputs of the values, with the persistent workers or with new ones.
func (s *Session) feed(ctx context.Context, set *Set, batches []backend.Batch, values []string) iter.Seq2[Item, error] {
	o := s.options
	o.Inputs = s.inputs(values)
	if !o.Persistent {
		return set.Feed(ctx, batches, o)
	}
	if s.workers == nil {
		s.workers = newWorkerPool(o.Workers, o.Prefetch+1)
	}
	return set.feed(ctx, batches, o, s.workers)
}
