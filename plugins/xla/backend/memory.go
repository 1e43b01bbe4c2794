package backend

import (
	"github.com/ptychogo/ptycho/core/backend"
)

// fits refuses a batch that needs more memory than is allowed.
func (s *session) fits(groups int, training bool) error {
	if s.limit == 0 {
		return nil
	}
	need := s.need(groups, training)
	if need > s.limit {
		return backend.Errorf(backend.Exhausted, "compile", "the batch needs about %d MiB of memory, %d MiB are allowed: use smaller batches", need>>20, s.limit>>20)
	}
	return nil
}

// need estimates the bytes of a call.
func (s *session) need(groups int, training bool) int64 {
	var need int64
	for _, o := range s.program.Ops {
		need += int64(s.stored(o.Out, groups).ByteSize())
	}
	return need
}
