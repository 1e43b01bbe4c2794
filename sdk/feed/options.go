package feed

import (
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// Options say how batches are gathered ahead. None changes what is gathered, or its order.
type Options struct {
	Precision tensor.DType // Float32 (default) or Float64
	Workers   int          // goroutines that gather; below 1: 1
	Prefetch  int          // batches gathered ahead of the one in use; below 1: one for each worker
	Inputs    []string     // gather these alone; nil: all of the program, and in a Session those that a plan reads

	// What follows is a Session's, since a Set knows neither plans nor how it is opened.

	Persistent bool // the workers, and the memory that they fill, stay from plan to plan
	Pin        bool // the files of a dataset are locked in memory when it is bound
}

// Asked is what a host asks of the feed when it opens a session. A backend that makes its Session of it honours
// Capabilities.
func Asked(o backend.OpenOptions, precision tensor.DType) Options {
	return Options{Precision: precision, Workers: o.Workers, Prefetch: o.Prefetch, Persistent: o.Persistent, Pin: o.PinMemory}
}

// Capabilities are what every backend offers whose sessions are made of what is Asked, on this system.
func Capabilities() []backend.Capability {
	out := []backend.Capability{backend.CanPersist}
	if canLock {
		out = append(out, backend.CanPin)
	}
	return out
}

// complete puts the defaults in.
func (o Options) complete() Options {
	if o.Precision == tensor.Invalid {
		o.Precision = tensor.Float32
	}
	o.Workers = max(o.Workers, 1)
	if o.Prefetch < 1 {
		o.Prefetch = o.Workers
	}
	return o
}
