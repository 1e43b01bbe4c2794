package backend

import (
	"github.com/gomlx/compute/dtypes"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// engineBytes is the memory of the library, its compiler and its threads before the first batch: 350 MiB, measured on a CPU
// with the U-Net at N = 64 and 128.
const engineBytes = 350 << 20

// fits refuses a batch that needs more memory than the limit or the machine's memory. XLA would compile such a batch for
// minutes, and then the system would kill the process.
func (s *session) fits(groups int, training bool) error {
	limit := s.limit
	if limit == 0 {
		limit = feed.MachineMemory()
	}
	need := s.need(groups, training)
	if !s.ownMemory {
		need = engineBytes + int64(s.client.Devices())*(need-engineBytes)
	}
	if limit > 0 && need > limit {
		return backend.Errorf(backend.Exhausted, "compile", "the batch needs about %d MiB of memory, %d MiB are allowed: use smaller batches", need>>20, limit>>20)
	}
	return nil
}

// need estimates the bytes of a call on one device. In training every value is kept for its gradient: the sum is within 15 % of
// the measured memory of a batch of the U-Net. A forward pass frees a value after its last reader.
func (s *session) need(groups int, training bool) int64 {
	bytes := func(name string) int64 { return size(s.types[name], groups, s.dtype) }
	total := int64(engineBytes)
	for a := range s.state {
		total += bytes(a.Name)
	}
	for _, in := range s.program.Inputs {
		total += bytes(in.Name)
	}
	if training {
		for _, o := range s.program.Ops {
			total += bytes(o.Out)
		}
		return total
	}
	last := map[string]int{}
	for i, o := range s.program.Ops {
		for _, v := range o.In {
			last[v] = i
		}
	}
	var live, most int64
	for i, o := range s.program.Ops {
		live += bytes(o.Out)
		most = max(most, live)
		freed := map[string]bool{}
		for _, v := range o.In {
			if last[v] == i && !freed[v] && s.computed(v) {
				live -= bytes(v)
				freed[v] = true
			}
		}
	}
	return total + most
}

// computed reports whether a value is the result of an operation.
func (s *session) computed(name string) bool {
	for _, o := range s.program.Ops {
		if o.Out == name {
			return true
		}
	}
	return false
}

// size returns the bytes of a value for a number of groups, or the largest int64 on overflow.
func size(t program.Type, groups int, dtype dtypes.DType) int64 {
	const most = 1 << 50
	total := float64(dtype.Size())
	if t.Kind == program.Complex {
		total *= 2
	}
	for _, d := range t.Shape.At(groups) {
		total *= float64(d)
	}
	return int64(min(total, most))
}
