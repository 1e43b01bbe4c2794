package backend

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/gorgonia/kernel"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// session is an open program in one precision. Its calls come one at a time, except Stop.
type session[T float] struct {
	*feed.Session
	program  *program.Program
	env      *kernel.Env[T]
	engine   engine[T]
	state    map[backend.Slot]map[string]*vector[T]
	steps    int64
	machines map[string]*machine[T]
	limit    int64 // bytes
	stopped  atomic.Bool
}

var (
	_ backend.Session   = &session[float32]{}
	_ backend.Inspector = &session[float32]{}
)

// float is the set of precisions.
type float interface{ float32 | float64 }

func newSession[T float](o backend.OpenOptions, env *kernel.Env[T], e engine[T]) *session[T] {
	return &session[T]{
		program:  o.Program,
		env:      env,
		engine:   e,
		Session:  feed.NewSession(o.Program, feed.Asked(o, tensor.Of[T]())),
		machines: map[string]*machine[T]{},
		limit:    o.MemoryLimit,
	}
}

// Close frees the datasets and everything on the device.
func (s *session[T]) Close() error {
	clear(s.machines)
	return errors.Join(s.engine.close(), s.CloseAll())
}

// Stop makes the running call end after the present batch or step.
func (s *session[T]) Stop(ctx context.Context) error {
	s.stopped.Store(true)
	return s.Session.Stop(ctx)
}

// drop closes all machines.
func (s *session[T]) drop() error {
	var failed []error
	for _, m := range s.machines {
		failed = append(failed, m.close())
	}
	clear(s.machines)
	return errors.Join(failed...)
}

// scalars adds the program's scalars over the patterns of the last batch.
func (s *session[T]) scalars(m *machine[T], b backend.Batch, into map[string]backend.Sum) {
	feed.AddScalars(into, s.program, b, func(value string) []T { return m.Value(m.graph.Values[value]) })
}
