// Package backend is the Gorgonia engine behind the contract of core/backend: it computes on the CPU, in float32 with
// vector instructions or in float64 in plain Go, with the same bits for any number of threads.
package backend

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/cpu"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// Version of the backend.
const Version = "0.1.0"

// Gorgonia is the backend.
type Gorgonia struct{}

// New makes the backend.
func New() *Gorgonia { return &Gorgonia{} }

// Info describes the engine.
func (*Gorgonia) Info() backend.Info {
	return backend.Info{
		Name: "gorgonia", Version: Version, Engine: "gorgonia 0.9.18",
		ProtocolMajor: backend.ProtocolMajor, ProtocolMinor: backend.ProtocolMinor,
		Capabilities: append([]backend.Capability{backend.CanTrain, backend.CanInspect, backend.CanFloat64, backend.CanEMA}, feed.Capabilities()...),
		DTypes:       []tensor.DType{tensor.Float32, tensor.Float64},
		Operations:   program.Kinds(),
	}
}

// Devices is the CPU with the instructions that will be used.
func (*Gorgonia) Devices(context.Context) ([]backend.Device, error) {
	d := backend.Device{ID: "cpu", Usable: true, Memory: backend.MachineMemory(), Cores: runtime.NumCPU()}
	path, err := cpu.Select()
	if err != nil {
		d.Usable, d.Reason = false, err.Error()
	}
	d.Name = fmt.Sprintf("%s/%s, %s", runtime.GOOS, runtime.GOARCH, path)
	return []backend.Device{d}, nil
}

// Open validates the program and prepares a session; graphs are built when a plan first needs them.
func (g *Gorgonia) Open(_ context.Context, o backend.OpenOptions) (backend.Session, error) {
	if err := o.Check(g.Info()); err != nil {
		return nil, err
	}
	for _, d := range o.Devices {
		if d != "cpu" {
			return nil, backend.Errorf(backend.Unavailable, "open", "the gorgonia backend computes on the device cpu, not on %s", d)
		}
	}
	if o.TF32 {
		return nil, backend.Errorf(backend.Unsupported, "open", "TF32 is a format of GPUs; the gorgonia backend computes in full precision")
	}
	if o.Program == nil {
		return nil, backend.Errorf(backend.Invalid, "open", "no program")
	}
	types, err := o.Program.Types()
	if err != nil {
		return nil, backend.Errorf(backend.Invalid, "open", "%w", err)
	}
	for name := range types {
		if strings.Contains(name, "\x00") { // such names are the engine's own
			return nil, backend.Errorf(backend.Invalid, "open", "the program's value %q has a zero byte in its name", name)
		}
	}
	path, err := cpu.Select()
	if err != nil {
		return nil, backend.Errorf(backend.Unavailable, "open", "%w", err)
	}
	if o.Progress != nil {
		o.Progress(backend.Event{Phase: "compile", Message: fmt.Sprintf("%s on cpu (%s)", o.Program.Name, path), Done: 1, Total: 1})
	}
	switch o.DType {
	case tensor.Invalid, tensor.Float32:
		return newSession[float32](o, path), nil
	case tensor.Float64:
		return newSession[float64](o, path), nil
	}
	return nil, backend.Errorf(backend.Unsupported, "open", "the gorgonia backend computes in float32 or float64, not %v", o.DType)
}
