package feed

import (
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// Options configure how batches are gathered ahead. No option changes which data is gathered, or its order.
type Options struct {
	Precision tensor.DType // Float32 (default) or Float64
	Workers   int          // goroutines that gather; below 1: 1
	Prefetch  int          // batches gathered ahead of the one in use; below 1: one per worker
	Inputs    []string     // gather only these; nil: all of the program, or in a Session those that a plan reads

	// The fields below apply only to a Session: a Set has no plans, and Open does not take Options.

	Persistent bool // keep the workers and their buffers from plan to plan
	Pin        bool // lock the files of a dataset in memory when it is bound
}

// Asked returns the options that a host requests when it opens a session. A backend that builds its Session with these
// options supports Capabilities.
func Asked(o backend.OpenOptions, precision tensor.DType) Options {
	return Options{Precision: precision, Workers: o.Workers, Prefetch: o.Prefetch, Persistent: o.Persistent, Pin: o.PinMemory}
}

// Capabilities returns what every backend supports on this system if its sessions are built with Asked.
func Capabilities() []backend.Capability {
	out := []backend.Capability{backend.CanPersist}
	if canLock {
		out = append(out, backend.CanPin)
	}
	return out
}

// complete fills in the defaults.
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

// CheckCPU checks the options for a backend whose only device is cpu.
func CheckCPU(o backend.OpenOptions, i backend.Info) error {
	if err := o.Check(i); err != nil {
		return err
	}
	for _, d := range o.Devices {
		if d != "cpu" {
			return backend.Errorf(backend.Unavailable, "open", "backend %q supports only the device cpu, not %s", i.Name, d)
		}
	}
	if o.TF32 {
		return backend.Errorf(backend.Unsupported, "open", "backend %q does not support --tf32, which needs a GPU", i.Name)
	}
	return nil
}
