// Command backend is a complete backend to start from: see docs/writing-a-backend.md. It computes with the oracle, so it is correct
// and slow.
package main

import (
	"context"

	"github.com/ptychogo/ptycho/conformance/oracle"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/sdk"
)

// engine opens sessions of the oracle; replace their calls one by one.
type engine struct{ oracle *oracle.Backend }

// Info describes the backend. The host may ask for everything listed here and for nothing else, so all of it must work.
func (e engine) Info() backend.Info {
	info := e.oracle.Info() // operations, precisions and capabilities of the oracle
	info.Name, info.Version, info.Engine = "mine", "0.1.0", "my library 1.0"
	return info
}

// Devices lists the devices, and for each one that cannot be used the reason.
func (engine) Devices(context.Context) ([]backend.Device, error) {
	return []backend.Device{{ID: "cpu", Name: "one core", Usable: true, Cores: 1}}, nil
}

// Open compiles a program.
func (e engine) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	if err := o.Check(e.Info()); err != nil { // refuses what Info does not list
		return nil, err
	}
	s, err := e.oracle.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return session{s, s.(backend.Inspector)}, nil
}

// session forwards every call to the oracle, except those for which it gets a method.
type session struct {
	backend.Session
	backend.Inspector
}

func main() {
	sdk.Serve(engine{oracle.New()})
}
