package backend

import (
	"context"
	"os"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/gorgonia/lower"
)

// withAverage runs f with the moving average in place of the weights.
func (s *session[T]) withAverage(use bool, f func() error) error {
	if !use {
		return f()
	}
	if s.state[backend.EMA] == nil {
		return backend.Errorf(backend.Invalid, "ema", "the state has no moving average of the weights")
	}
	swap := func() {
		for name, ema := range s.state[backend.EMA] {
			w := s.state[backend.Weights][name].data
			for i, v := range ema.data {
				w[i], ema.data[i] = v, w[i]
			}
		}
	}
	swap()
	defer swap()
	return f()
}

// Evaluate computes the scalars of batches.
func (s *session[T]) Evaluate(ctx context.Context, p backend.EvalPlan, emit func(backend.EvalResult) error) error {
	s.stop.Store(false)
	set, err := s.dataset(p.Dataset)
	if err != nil {
		return err
	}
	return s.withAverage(p.EMA, func() error {
		for i, b := range p.Batches {
			if s.stop.Load() {
				return nil
			}
			groups, err := s.groups(b)
			if err != nil {
				return err
			}
			m, err := s.machine(lower.Request{Groups: groups, Values: s.scalarValues()})
			if err != nil {
				return err
			}
			if err := s.run(ctx, m, set, b); err != nil {
				return err
			}
			r := backend.EvalResult{Batch: i, Scalars: map[string]backend.Sum{}}
			s.scalars(m, r.Scalars)
			if p.PerPattern {
				r.PerPattern = map[string][]float64{}
				for _, sc := range s.program.Scalars {
					for _, v := range m.Machine.Value(m.graph.Values[sc.Value]) {
						r.PerPattern[sc.Name] = append(r.PerPattern[sc.Name], float64(v))
					}
				}
			}
			if err := emit(r); err != nil {
				return err
			}
		}
		return nil
	})
}

// Reconstruct predicts patches.
func (s *session[T]) Reconstruct(ctx context.Context, p backend.ReconPlan, emit func(backend.Patches) error) (err error) {
	s.stop.Store(false)
	set, err := s.dataset(p.Dataset)
	if err != nil {
		return err
	}
	value, err := s.output(p.Output)
	if err != nil {
		return err
	}
	var file *os.File
	if p.File != nil {
		if file, err = os.OpenFile(p.File.Path, os.O_WRONLY|os.O_CREATE, 0o600); err != nil {
			return backend.Errorf(backend.Invalid, "reconstruct", "%w", err)
		}
		defer func() {
			if cerr := file.Close(); err == nil && cerr != nil {
				err = backend.Errorf(backend.Internal, "reconstruct", "%w", cerr)
			}
		}()
		if _, err = file.Seek(p.File.Offset, 0); err != nil {
			return backend.Errorf(backend.Invalid, "reconstruct", "%w", err)
		}
	}
	return s.withAverage(p.EMA, func() error {
		for i, b := range p.Batches {
			if s.stop.Load() {
				return nil
			}
			groups, err := s.groups(b)
			if err != nil {
				return err
			}
			m, err := s.machine(lower.Request{Groups: groups, Values: []string{value}})
			if err != nil {
				return err
			}
			if err := s.run(ctx, m, set, b); err != nil {
				return err
			}
			t, err := crop(s.tap(m, value), p.Crop)
			if err != nil {
				return err
			}
			if file != nil {
				if _, err := file.Write(t.Bytes()); err != nil {
					return backend.Errorf(backend.Internal, "reconstruct", "%s: %w", p.File.Path, err)
				}
				t = tensor.Tensor{}
			}
			if err := emit(backend.Patches{Batch: i, Data: t}); err != nil {
				return err
			}
		}
		return nil
	})
}

// output is the value behind a named output.
func (s *session[T]) output(name string) (string, error) {
	if name == "" {
		name = program.Patches
	}
	for _, o := range s.program.Outputs {
		if o.Name == name {
			return o.Value, nil
		}
	}
	return "", backend.Errorf(backend.NotFound, "reconstruct", "the program has no output %q", name)
}

// tap copies a value of the last run.
func (s *session[T]) tap(m *machine[T], name string) tensor.Tensor {
	t := m.graph.Types[name]
	return raise(t.Kind, t.Shape, m.Machine.Value(m.graph.Values[name]))
}

// crop reshapes complex images to [images, n, n] and keeps the central size×size pixels, all for size 0.
func crop(t tensor.Tensor, size int) (tensor.Tensor, error) {
	shape := t.Shape()
	if len(shape) < 2 || !t.DType().IsComplex() {
		return t, backend.Errorf(backend.Invalid, "reconstruct", "the output is %v, not images of complex numbers", t)
	}
	h, w := shape[len(shape)-2], shape[len(shape)-1]
	n := t.Len() / (h * w)
	if size == 0 {
		return t.Reshape(n, h, w)
	}
	if size < 1 || size > h || size > w {
		return t, backend.Errorf(backend.Invalid, "reconstruct", "a crop of %d pixels from images of %d×%d", size, h, w)
	}
	item := t.DType().Size()
	out, err := tensor.Zeros(t.DType(), n, size, size)
	if err != nil {
		return t, err
	}
	dst, src := out.Bytes(), t.Bytes()
	for i := range n {
		for r := range size {
			from := ((i*h+(h/2-size/2)+r)*w + w/2 - size/2) * item
			copy(dst[(i*size+r)*size*item:][:size*item], src[from:])
		}
	}
	return out, nil
}

// Forward gives named values for one batch.
func (s *session[T]) Forward(ctx context.Context, b backend.BatchRef, taps ...string) (map[string]tensor.Tensor, error) {
	set, err := s.dataset(b.Dataset)
	if err != nil {
		return nil, err
	}
	groups, err := s.groups(b.Batch)
	if err != nil {
		return nil, err
	}
	types, err := s.program.Types()
	if err != nil {
		return nil, backend.Errorf(backend.Internal, "forward", "%w", err)
	}
	for _, name := range taps {
		if _, ok := types[name]; !ok {
			return nil, backend.Errorf(backend.NotFound, "forward", "the program has no value %s", name)
		}
	}
	m, err := s.machine(lower.Request{Groups: groups, Values: taps})
	if err != nil {
		return nil, err
	}
	if err := s.run(ctx, m, set, b.Batch); err != nil {
		return nil, err
	}
	out := map[string]tensor.Tensor{}
	for _, name := range taps {
		out[name] = s.tap(m, name)
	}
	return out, nil
}

// Gradient gives the loss and the gradients of parameters for one batch.
func (s *session[T]) Gradient(ctx context.Context, b backend.BatchRef, params ...string) (backend.Loss, map[string]tensor.Tensor, error) {
	var loss backend.Loss
	set, err := s.dataset(b.Dataset)
	if err != nil {
		return loss, nil, err
	}
	if len(params) == 0 {
		params = s.trainable()
	}
	for _, name := range params {
		if _, ok := s.program.Param(name); !ok {
			return loss, nil, backend.Errorf(backend.NotFound, "gradient", "the program has no parameter %s", name)
		}
	}
	norm := normaliser(b.Normaliser, []backend.Batch{b.Batch})
	if !(norm > 0) {
		return loss, nil, backend.Errorf(backend.Invalid, "gradient", "a normaliser of %v, want above 0", norm)
	}
	m, err := s.backward(ctx, set, b.Batch, b.LossWeights, norm, params)
	if err != nil {
		return loss, nil, err
	}
	loss.Scalars = map[string]backend.Sum{}
	s.scalars(m, loss.Scalars)
	for name, w := range b.LossWeights {
		loss.Value += w * loss.Scalars[name].Sum / norm
	}
	out := map[string]tensor.Tensor{}
	for _, name := range params {
		w := s.state[backend.Weights][name]
		out[name] = raise(w.kind, w.shape, s.gradient(m, name))
	}
	return loss, out, nil
}
