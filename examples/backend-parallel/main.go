// Command backend-parallel is a backend halfway between the oracle and an engine of its own. It keeps the state and the datasets
// itself, and computes Evaluate and Reconstruct itself, several batches at a time. The oracle answers the other calls, so the
// backend passes conformance after each call that is replaced. See docs/writing-a-backend.md.
package main

import (
	"context"
	"runtime"

	"github.com/ptychogo/ptycho/conformance/oracle"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/sdk"
)

// engine opens sessions.
type engine struct{ oracle *oracle.Backend }

// Info describes the backend: what the oracle can do, because the oracle does the rest.
func (e engine) Info() backend.Info {
	info := e.oracle.Info()
	info.Name, info.Version, info.Engine = "parallel", "0.1.0", "core/reference, several batches at a time"
	return info
}

// Devices lists the CPU.
func (engine) Devices(context.Context) ([]backend.Device, error) {
	return []backend.Device{{ID: "cpu", Name: "all cores", Usable: true, Cores: runtime.NumCPU()}}, nil
}

// Open compiles a program.
func (e engine) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	if err := o.Check(e.Info()); err != nil { // refuses what Info does not list
		return nil, err
	}
	rest, err := e.oracle.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return newSession(o, rest)
}

func main() {
	sdk.Serve(engine{oracle.New()})
}
