package backend

import (
	"github.com/gomlx/compute/shapes"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
)

// Several devices share a batch group by group: the first device takes the first groups in the host's order, and so on.
// Every device takes the same number of groups, so that all devices run the same program. A batch that does not divide
// evenly is filled with copies of its first group with weight zero. A copy never adds a value that is not finite, and the
// results of patterns with weight zero are dropped. No operation of a program combines groups, so a part of a batch can be
// computed separately. The extent that grows with the batch is always the first axis of a value.

// share returns the number of groups of a batch on each device.
func (s *session) share(groups int) int {
	n := s.client.Devices()
	return (groups + n - 1) / n
}

// sharded reports whether each device holds a part of a value, for its own groups.
func (s *session) sharded(name string) bool {
	shape := s.types[name].Shape
	return len(shape) > 0 && shape[0] < 0
}

// loadInput copies an input of the program to the devices: its part to each device, or the whole input if it is not per group.
func (s *session) loadInput(name string, t tensor.Tensor, groups int) (engine.Buffer, error) {
	whole := s.stored(name, groups)
	if !s.sharded(name) {
		return s.upload(t, whole)
	}
	group := s.stored(name, 1).Size()
	return s.transfer(t, whole, func(flat any) (engine.Buffer, error) {
		return s.client.Split(flat, s.stored(name, s.share(groups)), group)
	})
}

// loadPatternWeights copies the weight of each pattern to the device that computes the pattern. Filling has weight zero.
func (s *session) loadPatternWeights(b backend.Batch, into buffers) (err error) {
	each := make([]float64, len(b.Rows))
	for i := range each {
		each[i] = 1
		if b.Weights != nil {
			each[i] = float64(b.Weights[i])
		}
	}
	whole := shapes.Make(s.dtype, len(each))
	part := shapes.Make(s.dtype, s.share(s.groups(b))*s.program.Group)
	into[patternWeights], err = s.transfer(tensor.Must(each, len(each)), whole, func(flat any) (engine.Buffer, error) {
		return s.client.Split(flat, part, 0)
	})
	return err
}

// patternScalars copies the scalars of a batch to the host: for each scalar of the program the values of all patterns.
func patternScalars[T float32 | float64](s *session, b engine.Buffer, patterns int) ([][]T, error) {
	k, part := len(s.program.Scalars), s.share(patterns/s.program.Group)*s.program.Group
	all := make([]T, s.client.Devices()*k*part) // [devices, scalars, patterns of each]
	if err := s.client.Join(b, all, k*part); err != nil {
		return nil, err
	}
	rows := make([][]T, k)
	for i := range rows {
		for at := i * part; at < len(all); at += k * part {
			rows[i] = append(rows[i], all[at:at+part]...)
		}
		rows[i] = rows[i][:patterns]
	}
	return rows, nil
}
