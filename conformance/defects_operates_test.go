package conformance_test

import (
	"time"

	"github.com/ptychogo/ptycho/core/backend"
)

// operating has the mistakes that level 4 detects. Those of processes are in conformance/command.
var operating = []Defect{
	{Name: "the end of the context of a long Evaluate is ignored", Case: "cancel/evaluate", deaf: true},
	{Name: "Evaluate ignores the errors of emit", Case: "emit/fails", swallow: true},
	{Name: "an event follows Close", Case: "events", gone: func(o backend.OpenOptions) {
		if o.Progress != nil {
			time.AfterFunc(time.Millisecond, func() { o.Progress(backend.Event{Phase: "closed"}) })
		}
	}},
	{Name: "a batch above the memory limit is an internal error", Case: "memory-limit", fault: func(err error) error {
		if backend.KindOf(err) == backend.Exhausted {
			return backend.Errorf(backend.Internal, "compute", "%w", err)
		}
		return err
	}},
}
