package conformance_test

import (
	"context"
	"maps"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// Defect is one mistake. Nil hooks change nothing.
type Defect struct {
	Name string
	Case string // the case of the suite that must detect it

	info     func(*backend.Info)
	fault    func(error) error                                    // applied to every error
	open     func(*backend.OpenOptions)                           // before the program is compiled
	batch    func(backend.Batch) backend.Batch                    // on every batch
	plan     func(*backend.StepPlan)                              // before the steps
	steps    func(s *session, p *backend.StepPlan)                // the same, depending on the options of the session
	result   func(*backend.StepResult)                            // of a step
	set      func(s *session, st *backend.State) (ignore bool)    // before the state is set
	state    func(s *session, st *backend.State)                  // applied to the returned state
	values   func(p *program.Program, m map[string]tensor.Tensor) // of Forward
	gradient func(p *program.Program, m map[string]tensor.Tensor) // of Gradient
	eval     func(*backend.EvalResult)                            // of Evaluate
	patches  func(r *backend.Patches)                             // of Reconstruct
	recon    func(*backend.ReconPlan)                             // before predicting
	bind     func(error) error                                    // applied to the error of Bind
	dataset  func(*backend.Dataset)                               // before it is bound
	stop     bool                                                 // Stop is ignored
	deaf     bool                                                 // the end of the context of a long Evaluate is ignored
	swallow  bool                                                 // Evaluate ignores the errors of emit
	gone     func(o backend.OpenOptions)                          // after Close
}

// Break wraps a backend and adds the defect to it.
func (d Defect) Break(b backend.Backend) backend.Backend { return &broken{b, d} }

type broken struct {
	backend.Backend
	d Defect
}

func (b *broken) Info() backend.Info {
	i := b.Backend.Info()
	if b.d.info != nil {
		b.d.info(&i)
	}
	return i
}

func (b *broken) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	threads, workers := o.Threads, o.Workers
	if b.d.open != nil && o.Program != nil {
		p := *o.Program
		o.Program = &p
		b.d.open(&o)
	}
	s, err := b.Backend.Open(ctx, o)
	if err != nil {
		return nil, b.d.err(err)
	}
	return &session{Session: s, d: b.d, options: o, program: o.Program, threads: threads, workers: workers}, nil
}

func (d Defect) err(err error) error {
	if err != nil && d.fault != nil {
		return d.fault(err)
	}
	return err
}

// session is a session with a defect.
type session struct {
	backend.Session
	d       Defect
	options backend.OpenOptions
	program *program.Program
	threads int
	workers int
	stepped bool // a step was done
	looked  bool // an evaluation followed a step
}

func (s *session) batch(b backend.Batch) backend.Batch {
	if s.d.batch != nil {
		return s.d.batch(b)
	}
	return b
}

func (s *session) SetState(ctx context.Context, st backend.State) error {
	st = copied(st)
	if s.d.set != nil && s.d.set(s, &st) {
		return nil
	}
	return s.d.err(s.Session.SetState(ctx, st))
}

func (s *session) State(ctx context.Context) (backend.State, error) {
	st, err := s.Session.State(ctx)
	if err == nil && s.d.state != nil {
		st = copied(st)
		s.d.state(s, &st)
	}
	return st, s.d.err(err)
}

// copied returns a state whose maps may be changed; the arrays are shared.
func copied(st backend.State) backend.State {
	st.Slots = maps.Clone(st.Slots)
	for slot, arrays := range st.Slots {
		st.Slots[slot] = maps.Clone(arrays)
	}
	return st
}

func (s *session) Bind(ctx context.Context, d backend.Dataset) (backend.DatasetID, error) {
	if s.d.dataset != nil {
		d.Arrays = slices.Clone(d.Arrays)
		s.d.dataset(&d)
	}
	id, err := s.Session.Bind(ctx, d)
	if s.d.bind != nil {
		err = s.d.bind(err)
	}
	return id, s.d.err(err)
}

func (s *session) Step(ctx context.Context, p backend.StepPlan, emit func(backend.StepResult) error) error {
	steps := make([]backend.Step, len(p.Steps))
	for i, st := range p.Steps {
		steps[i] = st
		steps[i].Batches = nil
		for _, b := range st.Batches {
			steps[i].Batches = append(steps[i].Batches, s.batch(b))
		}
	}
	p.Steps = steps
	if s.d.plan != nil {
		s.d.plan(&p)
	}
	if s.d.steps != nil {
		s.d.steps(s, &p)
	}
	return s.d.err(s.Session.Step(ctx, p, func(r backend.StepResult) error {
		s.stepped = true
		if s.d.result != nil {
			s.d.result(&r)
		}
		return emit(r)
	}))
}

func (s *session) Evaluate(ctx context.Context, p backend.EvalPlan, emit func(backend.EvalResult) error) error {
	s.looked = s.stepped
	batches := p.Batches
	p.Batches = nil
	for _, b := range batches {
		p.Batches = append(p.Batches, s.batch(b))
	}
	if s.d.deaf && len(batches) > 2 {
		ctx = context.WithoutCancel(ctx)
	}
	return s.d.err(s.Session.Evaluate(ctx, p, func(r backend.EvalResult) error {
		if s.d.eval != nil {
			s.d.eval(&r)
		}
		if err := emit(r); !s.d.swallow {
			return err
		}
		return nil
	}))
}

func (s *session) Reconstruct(ctx context.Context, p backend.ReconPlan, emit func(backend.Patches) error) error {
	if s.d.recon != nil {
		s.d.recon(&p)
	}
	return s.d.err(s.Session.Reconstruct(ctx, p, func(r backend.Patches) error {
		if s.d.patches != nil {
			s.d.patches(&r)
		}
		return emit(r)
	}))
}

func (s *session) Close() error {
	err := s.Session.Close()
	if s.d.gone != nil {
		s.d.gone(s.options)
	}
	return err
}

func (s *session) Stop(ctx context.Context) error {
	if s.d.stop {
		return nil
	}
	return s.Session.Stop(ctx)
}

func (s *session) Forward(ctx context.Context, b backend.BatchRef, taps ...string) (map[string]tensor.Tensor, error) {
	b.Batch = s.batch(b.Batch)
	m, err := s.Session.(backend.Inspector).Forward(ctx, b, taps...)
	if err == nil && s.d.values != nil {
		s.d.values(s.program, m)
	}
	return m, s.d.err(err)
}

func (s *session) Gradient(ctx context.Context, b backend.BatchRef, params ...string) (backend.Loss, map[string]tensor.Tensor, error) {
	b.Batch = s.batch(b.Batch)
	l, m, err := s.Session.(backend.Inspector).Gradient(ctx, b, params...)
	if err == nil && s.d.gradient != nil {
		s.d.gradient(s.program, m)
	}
	return l, m, s.d.err(err)
}
