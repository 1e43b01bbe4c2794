// Package backend implements the contract of core/backend with XLA, on a CPU or on CUDA devices. A program is lowered to a
// graph of GoMLX, compiled by XLA once for each shape of batch, and run with weights and moments on the device.
package backend

import (
	"context"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// dataParallel is the strategy for several devices: each device has all weights and computes a part of every batch, and the
// gradients are summed before each update.
const dataParallel = "ddp"

// XLA is the backend.
type XLA struct{}

// New returns the backend.
func New() *XLA { return &XLA{} }

// Info describes the engine.
func (*XLA) Info() backend.Info {
	return backend.Info{
		Name: "xla", Version: "0.1.0", Engine: "XLA through gomlx 0.28.2",
		ProtocolMajor: backend.ProtocolMajor, ProtocolMinor: backend.ProtocolMinor,
		Capabilities: append([]backend.Capability{backend.CanTrain, backend.CanInspect, backend.CanFloat64, backend.CanCUDA, backend.CanEMA, backend.CanDevices, backend.CanStrategy}, feed.Capabilities()...),
		DTypes:       []tensor.DType{tensor.Float32, tensor.Float64},
		Operations:   loweredKinds(),
	}
}

// Open loads the library and prepares a session. Functions are compiled when a plan first needs them.
func (x *XLA) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	if err := o.Check(x.Info()); err != nil {
		return nil, err
	}
	types, err := o.Program.Types()
	if err != nil {
		return nil, backend.Errorf(backend.Invalid, "open", "%w", err)
	}
	if o.Strategy != "" && o.Strategy != dataParallel {
		return nil, backend.Errorf(backend.Unsupported, "open", "the xla backend does not support --strategy %s; use --strategy %s, which is also its default", o.Strategy, dataParallel)
	}
	if n := len(o.Devices); n > maxShards {
		return nil, backend.Errorf(backend.Unsupported, "open", "the xla backend shares a batch among at most %d devices, but %d are named; use --devices %d or fewer", maxShards, n, maxShards)
	}
	which, numbers, err := x.choose(ctx, &o)
	if err != nil {
		return nil, err
	}
	if err := engine.CheckFlags(); err != nil {
		return nil, err
	}
	if err := engine.SetThreads(o.Threads); err != nil {
		return nil, err
	}
	if o.Progress != nil {
		o.Progress(backend.Event{Phase: "library", Message: which.Path})
	}
	client, err := engine.Open(which, numbers...)
	if err != nil {
		return nil, err
	}
	s := newSession(o, types, client)
	s.ownMemory = which.CUDA
	return s, nil
}
