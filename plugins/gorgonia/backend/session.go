package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/gorgonia/conv"
	"github.com/ptychogo/ptycho/plugins/gorgonia/exec"
	"github.com/ptychogo/ptycho/plugins/gorgonia/lower"
	"github.com/ptychogo/ptycho/plugins/gorgonia/op"
	"github.com/ptychogo/ptycho/plugins/gorgonia/pool"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// session is an open program in one precision. Its calls come one at a time, but for Stop.
type session[T pool.Float] struct {
	program  *program.Program
	env      *op.Env[T]
	state    map[backend.Slot]map[string]vector[T]
	steps    int64
	datasets map[backend.DatasetID]*feed.Set
	bound    int
	machines map[string]*machine[T]
	stop     atomic.Bool
}

var (
	_ backend.Session   = &session[float32]{}
	_ backend.Inspector = &session[float32]{}
)

func newSession[T pool.Float](o backend.OpenOptions, path conv.Path) *session[T] {
	p := pool.New(o.Threads)
	return &session[T]{
		program:  o.Program,
		env:      &op.Env[T]{Pool: p, Conv: conv.New(p, path)},
		datasets: map[backend.DatasetID]*feed.Set{},
		machines: map[string]*machine[T]{},
	}
}

// Params lists the program's parameters.
func (s *session[T]) Params() []program.ParamSpec { return s.program.Params }

// Bind maps a dataset.
func (s *session[T]) Bind(_ context.Context, d backend.Dataset) (backend.DatasetID, error) {
	set, err := feed.Open(d, s.program.Inputs)
	if err != nil {
		return "", err
	}
	s.bound++
	id := backend.DatasetID(fmt.Sprintf("dataset-%d", s.bound))
	s.datasets[id] = set
	return id, nil
}

// Unbind forgets a dataset.
func (s *session[T]) Unbind(_ context.Context, id backend.DatasetID) error {
	set, err := s.dataset(id)
	if err != nil {
		return err
	}
	delete(s.datasets, id)
	return set.Close()
}

func (s *session[T]) dataset(id backend.DatasetID) (*feed.Set, error) {
	if set, ok := s.datasets[id]; ok {
		return set, nil
	}
	return nil, backend.Errorf(backend.NotFound, "dataset", "%q is not bound in this session", id)
}

// Stop makes the running call return after its step or batch.
func (s *session[T]) Stop(context.Context) error {
	s.stop.Store(true)
	return nil
}

// Close frees the datasets.
func (s *session[T]) Close() error {
	var errs []error
	for _, set := range s.datasets {
		errs = append(errs, set.Close())
	}
	clear(s.datasets)
	clear(s.machines)
	return errors.Join(errs...)
}

// machine is a planned graph with room for a batch.
type machine[T pool.Float] struct {
	*exec.Machine[T]
	graph   *lower.Graph
	inputs  map[string]tensor.Tensor // where a batch is gathered
	indices map[string][]T           // index inputs as the engine reads them
	weights []T                      // of the patterns
	seeds   map[string][]T
}

// machine gives the planned graph for a request, made when first asked for.
func (s *session[T]) machine(r lower.Request) (*machine[T], error) {
	if s.state == nil {
		return nil, backend.Errorf(backend.Invalid, "compile", "the session has no weights yet")
	}
	key := fmt.Sprintf("%d %q %q %q", r.Groups, r.Values, r.Losses, r.Params)
	if m, ok := s.machines[key]; ok {
		return m, nil
	}
	g, err := lower.Build(s.env, s.program, r)
	if err != nil {
		return nil, backend.Errorf(backend.Internal, "compile", "%w", err)
	}
	keep := slices.Concat(slices.Collect(maps.Values(g.Values)), slices.Collect(maps.Values(g.Grads)))
	planned, err := exec.New[T](g.Expr, keep...)
	if err != nil {
		return nil, backend.Errorf(backend.Internal, "compile", "%w", err)
	}
	m := &machine[T]{Machine: planned, graph: g, inputs: map[string]tensor.Tensor{}, indices: map[string][]T{}, seeds: map[string][]T{}}
	if err := s.furnish(m, r); err != nil {
		return nil, err
	}
	s.machines[key] = m
	return m, nil
}

// furnish binds the inputs of a machine to weights, buffers and room for batches.
func (s *session[T]) furnish(m *machine[T], r lower.Request) error {
	set := func(name string, data []T) error { return m.Set(name, data) }
	for _, slot := range []backend.Slot{backend.Weights, backend.Buffers} {
		for name, v := range s.state[slot] {
			if err := set(name, v.data); err != nil {
				return err
			}
		}
	}
	needed := m.Inputs()
	for _, in := range s.program.Inputs {
		if _, ok := needed[in.Name]; !ok {
			continue
		}
		t, err := tensor.Zeros(element[T](in.Type.Kind), in.Type.Shape.At(r.Groups)...)
		if err != nil {
			return backend.Errorf(backend.Exhausted, "compile", "%w", err)
		}
		m.inputs[in.Name] = t
		data := view[T](t)
		if in.Type.Kind == program.Index {
			data = make([]T, t.Len())
			m.indices[in.Name] = data
		}
		if err := set(in.Name, data); err != nil {
			return err
		}
	}
	m.weights = make([]T, r.Groups*s.program.Group)
	if err := set(lower.PatternWeight, m.weights); err != nil {
		return err
	}
	for _, l := range r.Losses {
		m.seeds[l] = make([]T, 1)
		if err := set(lower.Seed(l), m.seeds[l]); err != nil {
			return err
		}
	}
	return nil
}

// element is the type of room for a value in the engine's precision.
func element[T pool.Float](k program.Kind) tensor.DType {
	single := tensor.Of[T]() == tensor.Float32
	switch {
	case k == program.Index:
		return tensor.Int32
	case k == program.Complex && single:
		return tensor.Complex64
	case k == program.Complex:
		return tensor.Complex128
	case single:
		return tensor.Float32
	}
	return tensor.Float64
}

// view gives the numbers of a real or complex tensor in the engine's precision, sharing memory.
func view[T pool.Float](t tensor.Tensor) []T {
	if t.DType() == tensor.Int32 {
		return nil
	}
	flat, err := tensor.FromBytes(tensor.Of[T](), t.Bytes(), len(t.Bytes())/tensor.Of[T]().Size())
	if err != nil {
		panic(err) // the bytes are those of whole numbers
	}
	s, _ := tensor.Data[T](flat)
	return s
}

// run gathers a batch and computes.
func (s *session[T]) run(ctx context.Context, m *machine[T], set *feed.Set, b backend.Batch) error {
	if err := set.Gather(b, m.inputs); err != nil {
		return err
	}
	if err := s.readIndices(m); err != nil {
		return err
	}
	for i := range m.weights {
		m.weights[i] = 1
		if b.Weights != nil {
			m.weights[i] = T(b.Weights[i])
		}
	}
	if err := m.Run(ctx); err != nil {
		if ctx.Err() != nil {
			return backend.Errorf(backend.Cancelled, "compute", "%w", ctx.Err())
		}
		return backend.Errorf(backend.Internal, "compute", "%w", err)
	}
	return nil
}

// readIndices converts index inputs and refuses those outside the table that they read.
func (s *session[T]) readIndices(m *machine[T]) error {
	for name, data := range m.indices {
		rows, _ := tensor.Data[int32](m.inputs[name])
		for _, o := range s.program.Ops {
			if o.Kind != program.Gather || o.In[1] != name {
				continue
			}
			table := m.graph.Types[o.In[0]].Shape[0]
			for _, r := range rows {
				if r < 0 || int(r) >= table {
					return backend.Errorf(backend.Invalid, "gather", "input %s asks for row %d of %s, which has %d", name, r, o.In[0], table)
				}
			}
		}
		for i, r := range rows {
			data[i] = T(r)
		}
	}
	return nil
}

// groups is the number of groups of a batch.
func (s *session[T]) groups(b backend.Batch) (int, error) {
	n := len(b.Rows)
	if n == 0 || n%s.program.Group != 0 {
		return 0, backend.Errorf(backend.Invalid, "batch", "%d patterns are no whole number of groups of %d", n, s.program.Group)
	}
	if b.Weights != nil && len(b.Weights) != n {
		return 0, backend.Errorf(backend.Invalid, "batch", "%d weights for %d patterns", len(b.Weights), n)
	}
	return n / s.program.Group, nil
}

// scalars sums the program's scalars over the patterns of the batch just run.
func (s *session[T]) scalars(m *machine[T], into map[string]backend.Sum) {
	for _, sc := range s.program.Scalars {
		v := m.Machine.Value(m.graph.Values[sc.Value])
		sum := into[sc.Name]
		for i, x := range v {
			if w := float64(m.weights[i]); w != 0 {
				sum.Sum += w * float64(x)
				sum.Count += w
			}
		}
		into[sc.Name] = sum
	}
}

// scalarValues lists the values that scalars read.
func (s *session[T]) scalarValues() []string {
	out := make([]string, len(s.program.Scalars))
	for i, sc := range s.program.Scalars {
		out[i] = sc.Value
	}
	return out
}
