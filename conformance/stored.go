package conformance

import (
	"fmt"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/disk"
)

// storedTypes binds the same counts by value and in a file of each type. They reach the largest number of the type, so that a sign or
// a lost byte changes the sums.
func storedTypes(s *subject, session backend.Session, _ backend.BatchRef, w *work) error {
	if s.info.ProtocolMinor < 1 {
		return &skip{reason: "protocol 2.0 has patterns of float32 only"}
	}
	for _, c := range []struct {
		dtype tensor.DType
		most  int
	}{{tensor.Uint8, 1<<8 - 1}, {tensor.Uint16, 1<<16 - 1}, {tensor.Float32, 1<<16 + 1}} {
		d := w.dataset()
		a := &d.Arrays[slices.IndexFunc(d.Arrays, func(a backend.Array) bool { return a.Input == program.Counts })]
		counts := make([]float32, a.Value.Len())
		for i := range counts {
			counts[i] = float32((i*7919 + 3) % (c.most + 1))
		}
		counts[int(w.order[0])*w.program.N*w.program.N+5] = float32(c.most)
		a.Value = tensor.Must(counts, a.Value.Shape()...)
		want, err := sumsOf(s, session, d, w)
		if err != nil {
			return err
		}
		file, err := inFile(a, counts, c.dtype)
		if err != nil {
			return err
		}
		got, err := sumsOf(s, session, d, w)
		file.Close()
		if err != nil {
			return fmt.Errorf("counts of %v: %w", c.dtype, err)
		}
		for name, sum := range want {
			if got[name] != sum {
				return fmt.Errorf("counts of %v in a file give %s %v, by value %v", c.dtype, name, got[name].Sum, sum.Sum)
			}
		}
	}
	return nil
}

// sumsOf binds a dataset and evaluates the work's batch.
func sumsOf(s *subject, session backend.Session, d backend.Dataset, w *work) (map[string]backend.Sum, error) {
	id, err := session.Bind(s.ctx, d)
	if err != nil {
		return nil, fmt.Errorf("bind: %w", err)
	}
	var results []backend.EvalResult
	if err := session.Evaluate(s.ctx, backend.EvalPlan{Dataset: id, Batches: []backend.Batch{w.batch()}}, collect(&results)); err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	if len(results) != 1 {
		return nil, fmt.Errorf("%d results of one batch", len(results))
	}
	return results[0].Scalars, nil
}

// inFile replaces the value of an array by a file with its numbers as another type. The caller must close the file.
func inFile(a *backend.Array, counts []float32, t tensor.DType) (*disk.TemporaryFile, error) {
	shape := a.Value.Shape()
	v := a.Value
	switch t { //nolint:exhaustive // float32 is the type of the value
	case tensor.Uint8:
		v = tensor.Must(converted[uint8](counts), shape...)
	case tensor.Uint16:
		v = tensor.Must(converted[uint16](counts), shape...)
	}
	f, err := disk.NewTemporaryFile(int64(len(v.Bytes())))
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(v.Bytes()); err != nil {
		f.Close()
		return nil, err
	}
	f.Seal()
	a.Value, a.File = tensor.Tensor{}, &backend.FileRef{Path: f.Path(), DType: t, Shape: shape}
	return f, nil
}

func converted[T uint8 | uint16](counts []float32) []T {
	out := make([]T, len(counts))
	for i, k := range counts {
		out[i] = T(k)
	}
	return out
}
