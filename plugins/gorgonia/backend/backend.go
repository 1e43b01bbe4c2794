// Package backend implements the contract of core/backend with the Gorgonia engine. It computes on the CPU, in float32 with
// vector instructions or in float64 in plain Go, with the same bits for any number of threads.
package backend

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/gorgonia/kernel"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// Gorgonia implements backend.Backend.
type Gorgonia struct{}

// New returns the backend.
func New() *Gorgonia { return &Gorgonia{} }

// Info describes the engine.
func (*Gorgonia) Info() backend.Info {
	return backend.Info{
		Name: "gorgonia", Version: "0.1.0", Engine: "gorgonia 0.9.18",
		ProtocolMajor: backend.ProtocolMajor, ProtocolMinor: backend.ProtocolMinor,
		Capabilities: append([]backend.Capability{backend.CanTrain, backend.CanInspect, backend.CanFloat64, backend.CanEMA}, feed.Capabilities()...),
		DTypes:       []tensor.DType{tensor.Float32, tensor.Float64},
		Operations:   program.Kinds(),
	}
}

// Devices returns the CPU with the instructions that will be used, and the GPUs.
func (*Gorgonia) Devices(ctx context.Context) ([]backend.Device, error) {
	d := backend.Device{ID: "cpu", Usable: true, Memory: feed.MachineMemory(), Cores: runtime.NumCPU()}
	d.Name = runtime.GOOS + "/" + runtime.GOARCH
	env, err := kernel.NewEnv[float32](1)
	if err != nil {
		d.Usable, d.Reason = false, err.Error()
	} else {
		d.Name += ", " + env.Instructions()
	}
	return append([]backend.Device{d}, cudaDevices(ctx)...), nil
}

// Open validates the program and prepares a session. Graphs are built when a plan first needs them.
func (g *Gorgonia) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	number, gpu, err := cudaNumber(o.Devices)
	if err == nil {
		err = o.Check(g.Info())
	}
	if err == nil && o.TF32 && !gpu {
		err = backend.Errorf(backend.Unsupported, "open", "backend %q does not support --tf32 on the CPU: it needs --device cuda:N", g.Info().Name)
	}
	if err != nil {
		return nil, err
	}
	types, err := o.Program.Types()
	if err != nil {
		return nil, backend.Errorf(backend.Invalid, "open", "%w", err)
	}
	for name := range types {
		if strings.Contains(name, "\x00") { // the engine uses such names itself
			return nil, backend.Errorf(backend.Invalid, "open", "the program's value %q has a zero byte in its name", name)
		}
	}
	if o.DType == tensor.Float64 {
		return open[float64](ctx, o, number, gpu)
	}
	return open[float32](ctx, o, number, gpu)
}

func open[T float](ctx context.Context, o backend.OpenOptions, number int, gpu bool) (backend.Session, error) {
	env, err := kernel.NewEnv[T](o.Threads)
	if err != nil {
		return nil, backend.Errorf(backend.Unavailable, "open", "%w", err)
	}
	var e engine[T] = newHost(env)
	name := fmt.Sprintf("cpu (%s)", env.Instructions())
	if gpu {
		if e, name, err = openCUDA[T](ctx, number, o.TF32); err != nil {
			return nil, err
		}
	}
	if o.Progress != nil {
		o.Progress(backend.Event{Phase: "compile", Message: fmt.Sprintf("%s on %s", o.Program.Name, name), Done: 1, Total: 1})
	}
	return newSession(o, env, e), nil
}
