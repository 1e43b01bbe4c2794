package backend

import (
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
	state    map[backend.Slot]map[string]vector[T]
	steps    int64
	machines map[string]*machine[T]
	arena    *arena[T]      // shared by all machines: calls come one at a time
	zeros    map[string][]T // gradients of parameters that a loss does not depend on
	limit    int64          // bytes
}

var (
	_ backend.Session   = &session[float32]{}
	_ backend.Inspector = &session[float32]{}
)

// float is the set of precisions.
type float interface{ float32 | float64 }

func newSession[T float](o backend.OpenOptions, env *kernel.Env[T]) *session[T] {
	return &session[T]{
		program:  o.Program,
		env:      env,
		Session:  feed.NewSession(o.Program, feed.Asked(o, tensor.Of[T]())),
		machines: map[string]*machine[T]{},
		arena:    &arena[T]{},
		zeros:    map[string][]T{},
		limit:    o.MemoryLimit,
	}
}

// Close frees the datasets.
func (s *session[T]) Close() error {
	clear(s.machines)
	return s.CloseAll()
}

// scalars adds the program's scalars over the patterns of the last batch.
func (s *session[T]) scalars(m *machine[T], b backend.Batch, into map[string]backend.Sum) {
	feed.AddScalars(into, s.program, b, func(value string) []T { return m.Value(m.graph.Values[value]) })
}
