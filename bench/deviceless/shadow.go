package main

import (
	"context"
	"os"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// shadow is a backend whose calls are answered by one backend and made to another as well, whose answers do not count.
type shadow struct {
	backend.Backend
	follower backend.Backend
}

// Open opens a session of each. Where the follower refuses, its session is left out.
func (s shadow) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	leader, err := s.Backend.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	o.Devices, o.MemoryLimit, o.Progress = []string{"cpu"}, unlimited, nil
	follower, err := s.follower.Open(ctx, o)
	if err != nil {
		follower = nil
	}
	return &shadowSession{Session: leader, follower: follower, ids: map[backend.DatasetID]backend.DatasetID{}}, nil
}

// shadowSession is a session of the leader with one of the follower, which may be nil.
type shadowSession struct {
	backend.Session
	follower backend.Session
	ids      map[backend.DatasetID]backend.DatasetID // the leader's datasets, as the follower names them
}

func (s *shadowSession) SetState(ctx context.Context, state backend.State) error {
	if s.follower != nil {
		_ = s.follower.SetState(ctx, state)
	}
	return s.Session.SetState(ctx, state)
}

func (s *shadowSession) Bind(ctx context.Context, d backend.Dataset) (backend.DatasetID, error) {
	id, err := s.Session.Bind(ctx, d)
	if err == nil && s.follower != nil {
		s.ids[id], _ = s.follower.Bind(ctx, d)
	}
	return id, err
}

func (s *shadowSession) Step(ctx context.Context, p backend.StepPlan, emit func(backend.StepResult) error) error {
	if s.follower != nil {
		own := p
		own.Dataset = s.ids[p.Dataset]
		own.Steps = p.Steps[:min(len(p.Steps), 1)] // the next ones ask for the same programs
		if len(own.Steps) > 0 && len(own.Steps[0].Batches) > 1 {
			os.Unsetenv(onlyKey)
			defer os.Setenv(onlyKey, "1")
		}
		_ = s.follower.Step(ctx, own, func(backend.StepResult) error { return nil })
	}
	return s.Session.Step(ctx, p, emit)
}

func (s *shadowSession) Evaluate(ctx context.Context, p backend.EvalPlan, emit func(backend.EvalResult) error) error {
	if s.follower != nil {
		own := p
		own.Dataset = s.ids[p.Dataset]
		_ = s.follower.Evaluate(ctx, own, func(backend.EvalResult) error { return nil })
	}
	return s.Session.Evaluate(ctx, p, emit)
}

func (s *shadowSession) Reconstruct(ctx context.Context, p backend.ReconPlan, emit func(backend.Patches) error) error {
	if s.follower != nil && p.File == nil {
		own := p
		own.Dataset = s.ids[p.Dataset]
		_ = s.follower.Reconstruct(ctx, own, func(backend.Patches) error { return nil })
	}
	return s.Session.Reconstruct(ctx, p, emit)
}

func (s *shadowSession) Forward(ctx context.Context, b backend.BatchRef, taps ...string) (map[string]tensor.Tensor, error) {
	if f, ok := s.follower.(backend.Inspector); ok {
		own := b
		own.Dataset = s.ids[b.Dataset]
		_, _ = f.Forward(ctx, own, taps...)
	}
	return s.Session.(backend.Inspector).Forward(ctx, b, taps...)
}

func (s *shadowSession) Gradient(ctx context.Context, b backend.BatchRef, params ...string) (backend.Loss, map[string]tensor.Tensor, error) {
	if f, ok := s.follower.(backend.Inspector); ok {
		own := b
		own.Dataset = s.ids[b.Dataset]
		_, _, _ = f.Gradient(ctx, own, params...)
	}
	return s.Session.(backend.Inspector).Gradient(ctx, b, params...)
}

func (s *shadowSession) Close() error {
	if s.follower != nil {
		_ = s.follower.Close()
	}
	return s.Session.Close()
}
