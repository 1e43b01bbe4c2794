package backend

import (
	"context"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// load copies the inputs of the program for a gathered batch to the devices.
func (s *session) load(b backend.Batch, inputs map[string]tensor.Tensor, into buffers) error {
	groups := s.groups(b)
	for name, t := range inputs {
		if t.DType() == tensor.Int32 {
			rows, err := tensor.Data[int32](t)
			if err != nil {
				return backend.Errorf(backend.Internal, "gather", "%w", err)
			}
			if err := backend.CheckIndex(s.program, name, rows); err != nil {
				return err
			}
		}
		buffer, err := s.loadInput(name, t, groups)
		if err != nil {
			return err
		}
		into[engine.Array{Part: inputPart, Name: name}] = buffer
	}
	return nil
}

// loadReals copies numbers of a plan to the devices in the session's precision.
func (s *session) loadReals(a engine.Array, numbers []float64, into buffers) (err error) {
	into[a], err = s.upload(tensor.Must(numbers, len(numbers)), shapes.Make(s.dtype, len(numbers)))
	return err
}

// loadWide copies numbers of a plan to the devices in float64.
func (s *session) loadWide(a engine.Array, numbers []float64, into buffers, dims ...int) (err error) {
	into[a], err = s.client.Upload(numbers, shapes.Make(dtypes.Float64, dims...))
	return err
}

// loadWeights copies the weight of each pattern and the factor of each loss in the cost to the devices.
func (s *session) loadWeights(b backend.Batch, weights map[string]float64, norm float64, into buffers) error {
	if err := s.loadPatternWeights(b, into); err != nil {
		return err
	}
	var factors []float64
	for _, l := range feed.Active(weights) {
		factors = append(factors, weights[l]/norm)
	}
	return s.loadReals(seeds, factors, into)
}

// call runs a function in rounds on the state and the loaded arrays. With average, it uses the moving average in place of the
// weights.
func (s *session) call(ctx context.Context, f *engine.Function, rounds int, loaded buffers, average bool) (buffers, error) {
	return f.Call(ctx, rounds, func(a engine.Array) engine.Buffer {
		if average && a.Part == string(backend.Weights) {
			if b := s.state[part(backend.EMA, a.Name)]; b != nil {
				return b
			}
		}
		if b := s.state[a]; b != nil {
			return b
		}
		return loaded[a]
	})
}

// release frees buffers.
func release(all buffers) {
	for _, b := range all {
		engine.Free(b)
	}
}

// scalars adds the program's scalars over the patterns of a batch, from the results of a function.
func (s *session) scalars(results buffers, b backend.Batch, into map[string]backend.Sum) error {
	if s.precision == tensor.Float64 {
		return addScalars[float64](s, results, b, into)
	}
	return addScalars[float32](s, results, b, into)
}

func addScalars[T float32 | float64](s *session, results buffers, b backend.Batch, into map[string]backend.Sum) error {
	all, err := patternScalars[T](s, results[scalarValues], len(b.Rows))
	if err != nil {
		return err
	}
	rows := map[string][]T{}
	for i, v := range s.program.ScalarValues() {
		rows[v] = all[i]
	}
	feed.AddScalars(into, s.program, b, func(value string) []T { return rows[value] })
	return nil
}
