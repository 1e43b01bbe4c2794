package main

import (
	"context"
	"os"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// shadow is a backend that returns the answers of one backend, the leader, and repeats each call on another, the follower.
type shadow struct {
	backend.Backend
	follower backend.Backend
}

// Open opens a session of both backends. If the follower refuses, only the leader has a session.
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

// shadowSession is a session of the leader with a session of the follower, which may be nil.
type shadowSession struct {
	backend.Session
	follower backend.Session
	ids      map[backend.DatasetID]backend.DatasetID // the follower's datasets by the leader's
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
		followed := p
		followed.Dataset = s.ids[p.Dataset]
		followed.Steps = p.Steps[:min(len(p.Steps), 1)] // further steps need the same programs
		if len(followed.Steps) > 0 && len(followed.Steps[0].Batches) > 1 {
			os.Unsetenv(onlyKey)
			defer os.Setenv(onlyKey, "1")
		}
		_ = s.follower.Step(ctx, followed, func(backend.StepResult) error { return nil })
	}
	return s.Session.Step(ctx, p, emit)
}

func (s *shadowSession) Evaluate(ctx context.Context, p backend.EvalPlan, emit func(backend.EvalResult) error) error {
	if s.follower != nil {
		followed := p
		followed.Dataset = s.ids[p.Dataset]
		_ = s.follower.Evaluate(ctx, followed, func(backend.EvalResult) error { return nil })
	}
	return s.Session.Evaluate(ctx, p, emit)
}

func (s *shadowSession) Reconstruct(ctx context.Context, p backend.ReconPlan, emit func(backend.Patches) error) error {
	if s.follower != nil {
		followed := p
		followed.Dataset = s.ids[p.Dataset]
		_ = s.follower.Reconstruct(ctx, followed, func(backend.Patches) error { return nil })
	}
	return s.Session.Reconstruct(ctx, p, emit)
}

func (s *shadowSession) Forward(ctx context.Context, b backend.BatchRef, taps ...string) (map[string]tensor.Tensor, error) {
	if f, ok := s.follower.(backend.Inspector); ok {
		followed := b
		followed.Dataset = s.ids[b.Dataset]
		_, _ = f.Forward(ctx, followed, taps...)
	}
	return s.Session.(backend.Inspector).Forward(ctx, b, taps...)
}

func (s *shadowSession) Gradient(ctx context.Context, b backend.BatchRef, params ...string) (backend.Loss, map[string]tensor.Tensor, error) {
	if f, ok := s.follower.(backend.Inspector); ok {
		followed := b
		followed.Dataset = s.ids[b.Dataset]
		_, _, _ = f.Gradient(ctx, followed, params...)
	}
	return s.Session.(backend.Inspector).Gradient(ctx, b, params...)
}

func (s *shadowSession) Close() error {
	if s.follower != nil {
		_ = s.follower.Close()
	}
	return s.Session.Close()
}
