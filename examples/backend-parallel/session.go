package main

import (
	"context"
	"errors"
	"runtime"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// oracleSession has the calls that are not replaced yet.
type oracleSession interface {
	backend.Session
	backend.Inspector
}

// session keeps the state and the datasets, which the oracle gets too, as long as it answers calls that need them.
type session struct {
	*feed.Session // Params, Bind and Stop, and the batches of a plan
	rest          oracleSession
	machine       *reference.Machine
	threads       int
	options       backend.OpenOptions
	weights       map[backend.Slot]map[string]*reference.Value // nil: not set yet
	datasets      map[backend.DatasetID]backend.DatasetID      // ours to the oracle's
}

var _ oracleSession = &session{}

func newSession(o backend.OpenOptions, rest backend.Session) (*session, error) {
	inspects, ok := rest.(oracleSession)
	if !ok {
		return nil, backend.Errorf(backend.Internal, "open", "the oracle returned a %T", rest)
	}
	machine, err := reference.New(o.Program)
	if err != nil {
		return nil, backend.Errorf(backend.Invalid, "open", "%w", err)
	}
	asked := feed.Asked(o, tensor.Float64)
	for _, in := range o.Program.Inputs {
		asked.Inputs = append(asked.Inputs, in.Name) // the machine computes every value; a real engine only those that it is asked for
	}
	s := &session{Session: feed.NewSession(o.Program, asked), rest: inspects, machine: machine, threads: o.Threads, options: o,
		datasets: map[backend.DatasetID]backend.DatasetID{}}
	if s.threads == 0 {
		s.threads = runtime.GOMAXPROCS(0)
	}
	return s, nil
}

// SetState replaces the state, here and in the oracle.
func (s *session) SetState(ctx context.Context, st backend.State) error {
	if err := s.rest.SetState(ctx, st); err != nil { // it checks the state, as State.Check does
		return err
	}
	return s.keep(st)
}

// keep converts the weights of a state, which the calls here need. Both sessions change them only in SetState and Step.
func (s *session) keep(st backend.State) error {
	fresh := map[backend.Slot]map[string]*reference.Value{}
	for _, slot := range []backend.Slot{backend.Weights, backend.Buffers, backend.EMA} {
		for name, t := range st.Slots[slot] {
			v, err := copied(t)
			if err != nil {
				return backend.Errorf(backend.Internal, "set state", "%s of %s: %w", slot, name, err)
			}
			if fresh[slot] == nil {
				fresh[slot] = map[string]*reference.Value{}
			}
			fresh[slot][name] = v
		}
	}
	s.weights = fresh
	return nil
}

// State returns a copy of the state. The oracle has all of it, the moments of the optimiser too.
func (s *session) State(ctx context.Context) (backend.State, error) { return s.rest.State(ctx) }

// Bind opens a dataset here and in the oracle.
func (s *session) Bind(ctx context.Context, d backend.Dataset) (backend.DatasetID, error) {
	id, err := s.Session.Bind(ctx, d)
	if err != nil {
		return "", err
	}
	s.datasets[id], err = s.rest.Bind(ctx, d)
	return id, err
}

// Stop ends the running plan, which is either here or in the oracle.
func (s *session) Stop(ctx context.Context) error {
	return errors.Join(s.Session.Stop(ctx), s.rest.Stop(ctx))
}

// Step is the oracle's. The weights that it leaves are those of the next Evaluate.
func (s *session) Step(ctx context.Context, p backend.StepPlan, emit func(backend.StepResult) error) error {
	p.Dataset = s.theirs(p.Dataset)
	failed := s.rest.Step(ctx, p, emit)
	st, err := s.rest.State(context.WithoutCancel(ctx)) // also after an error: some steps may be done
	if err == nil && s.weights != nil {
		err = s.keep(st)
	}
	if failed != nil {
		return failed
	}
	return err
}

// Forward is the oracle's.
func (s *session) Forward(ctx context.Context, b backend.BatchRef, taps ...string) (map[string]tensor.Tensor, error) {
	b.Dataset = s.theirs(b.Dataset)
	return s.rest.Forward(ctx, b, taps...)
}

// Gradient is the oracle's.
func (s *session) Gradient(ctx context.Context, b backend.BatchRef, params ...string) (backend.Loss, map[string]tensor.Tensor, error) {
	b.Dataset = s.theirs(b.Dataset)
	return s.rest.Gradient(ctx, b, params...)
}

// theirs returns the oracle's name of a dataset; an unknown name stays unknown.
func (s *session) theirs(id backend.DatasetID) backend.DatasetID {
	if t, ok := s.datasets[id]; ok {
		return t
	}
	return "unknown: " + id
}

// Close frees the datasets here and in the oracle.
func (s *session) Close() error { return errors.Join(s.CloseAll(), s.rest.Close()) }
