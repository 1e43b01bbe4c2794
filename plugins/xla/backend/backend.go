// Package backend is the XLA engine behind the contract of core/backend, on a CPU or a CUDA device. A program is lowered
// to a graph of GoMLX, compiled by XLA once for each shape of batch, and run with weights and moments on the device.
package backend

import (
	"context"
	"os"
	"runtime"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/plugins/xla/lower"
)

// Version of the backend.
const Version = "0.1.0"

// XLA is the backend.
type XLA struct{}

// New makes the backend.
func New() *XLA { return &XLA{} }

// Info describes the engine.
func (*XLA) Info() backend.Info {
	return backend.Info{
		Name: "xla", Version: Version, Engine: "XLA through gomlx 0.28.2",
		ProtocolMajor: backend.ProtocolMajor, ProtocolMinor: backend.ProtocolMinor,
		Capabilities: []backend.Capability{backend.CanTrain, backend.CanInspect, backend.CanFloat64, backend.CanCUDA, backend.CanEMA},
		DTypes:       []tensor.DType{tensor.Float32, tensor.Float64},
		Operations:   lower.Kinds(),
	}
}

// Devices is the CPU.
func (*XLA) Devices(context.Context) ([]backend.Device, error) {
	return []backend.Device{{ID: "cpu", Name: runtime.GOOS + "/" + runtime.GOARCH, Usable: true, Cores: runtime.NumCPU()}}, nil
}

// Open loads the library and prepares a session; functions are compiled when a plan first needs them.
func (*XLA) Open(_ context.Context, o backend.OpenOptions) (backend.Session, error) {
	for _, d := range o.Devices {
		if d != "cpu" {
			return nil, backend.Errorf(backend.Unavailable, "open", "no device %s", d)
		}
	}
	if o.TF32 {
		return nil, backend.Errorf(backend.Unsupported, "open", "TF32 is a format of GPUs; on the CPU XLA computes in full precision")
	}
	if o.Program == nil {
		return nil, backend.Errorf(backend.Invalid, "open", "no program")
	}
	types, err := o.Program.Types()
	if err != nil {
		return nil, backend.Errorf(backend.Invalid, "open", "%w", err)
	}
	if o.Threads < 0 || o.Workers < 0 || o.Prefetch < 0 || o.MemoryLimit < 0 {
		return nil, backend.Errorf(backend.Invalid, "open", "%d threads, %d workers, %d batches ahead, %d bytes: none may be negative", o.Threads, o.Workers, o.Prefetch, o.MemoryLimit)
	}
	switch o.DType {
	case tensor.Invalid, tensor.Float32, tensor.Float64:
	default:
		return nil, backend.Errorf(backend.Unsupported, "open", "the xla backend computes in float32 or float64, not %v", o.DType)
	}
	client, err := engine.Open(engine.Library{Path: os.Getenv("PTYCHO_XLA_PLUGIN")}, 0)
	if err != nil {
		return nil, err
	}
	return newSession(o, types, client), nil
}
