package backend

import (
	"context"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/gorgonia/lower"
)

// forward computes values for batch after batch until done, an error or Stop.
func (s *session[T]) forward(ctx context.Context, id backend.DatasetID, ema bool, batches []backend.Batch, values []string, done func(i int, m *machine[T]) error) error {
	s.stop.Store(false)
	set, err := s.dataset(id)
	if err != nil {
		return err
	}
	for _, b := range batches {
		if _, err := s.groups(b); err != nil {
			return err
		}
	}
	o := s.options
	o.Inputs = s.inputs(values...)
	return s.withAverage(ema, func() error {
		for item, err := range set.Feed(ctx, batches, o) {
			if s.stop.Load() {
				return nil
			}
			if err != nil {
				return err
			}
			m, err := s.machine(lower.Request{Groups: set.Groups(item.Batch), Values: values})
			if err != nil {
				return err
			}
			if err := s.run(ctx, m, item.Batch, item.Inputs); err != nil {
				return err
			}
			if err := done(item.Index, m); err != nil {
				return err
			}
		}
		return nil
	})
}

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
	return s.forward(ctx, p.Dataset, p.EMA, p.Batches, s.scalarValues(), func(i int, m *machine[T]) error {
		r := backend.EvalResult{Batch: i, Scalars: map[string]backend.Sum{}}
		s.scalars(m, r.Scalars)
		if p.PerPattern {
			r.PerPattern = map[string][]float64{}
			for _, sc := range s.program.Scalars {
				v := m.Machine.Value(m.graph.Values[sc.Value])
				each := make([]float64, len(v))
				for j, x := range v {
					each[j] = float64(x)
				}
				r.PerPattern[sc.Name] = each
			}
		}
		return emit(r)
	})
}

// Reconstruct predicts patches.
func (s *session[T]) Reconstruct(ctx context.Context, p backend.ReconPlan, emit func(backend.Patches) error) (err error) {
	value, err := s.output(p)
	if err != nil {
		return err
	}
	var out *patchFile
	if p.File != nil {
		if out, err = openPatches[T](*p.File); err != nil {
			return err
		}
		defer func() {
			if cerr := out.close(); err == nil {
				err = cerr
			}
		}()
	}
	return s.forward(ctx, p.Dataset, p.EMA, p.Batches, []string{value}, func(i int, m *machine[T]) error {
		t, err := crop(s.tap(m, value), p.Crop)
		if err != nil {
			return err
		}
		if out != nil {
			if err := out.write(t); err != nil {
				return err
			}
			t = tensor.Tensor{}
		}
		return emit(backend.Patches{Batch: i, Data: t})
	})
}

// output is the value behind the output that the plan names: images of complex numbers that can be cropped as asked.
func (s *session[T]) output(p backend.ReconPlan) (string, error) {
	name := p.Output
	if name == "" {
		name = program.Patches
	}
	types, err := s.program.Types()
	if err != nil {
		return "", backend.Errorf(backend.Internal, "reconstruct", "%w", err)
	}
	for _, o := range s.program.Outputs {
		if o.Name != name {
			continue
		}
		t := types[o.Value]
		if t.Kind != program.Complex || len(t.Shape) < 2 {
			return "", backend.Errorf(backend.Invalid, "reconstruct", "the output %s is %v, not images of complex numbers", name, t)
		}
		h, w := int(t.Shape[len(t.Shape)-2]), int(t.Shape[len(t.Shape)-1])
		if p.Crop < 0 || p.Crop > min(h, w) {
			return "", backend.Errorf(backend.Invalid, "reconstruct", "a crop of %d pixels from images of %d×%d", p.Crop, h, w)
		}
		return o.Value, nil
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
	h, w := shape[len(shape)-2], shape[len(shape)-1]
	n := t.Len() / (h * w)
	if size == 0 {
		return t.Reshape(n, h, w)
	}
	item := t.DType().Size()
	out, err := tensor.Zeros(t.DType(), n, size, size)
	if err != nil {
		return t, backend.Errorf(backend.Internal, "reconstruct", "%w", err)
	}
	dst, src := out.Bytes(), t.Bytes()
	for i := range n {
		for r := range size {
			// The centre of n pixels is n/2, before and after.
			from := ((i*h+(h/2-size/2)+r)*w + w/2 - size/2) * item
			copy(dst[(i*size+r)*size*item:][:size*item], src[from:])
		}
	}
	return out, nil
}
