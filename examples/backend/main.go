// Command backend is a whole backend, to begin one of your own with: docs/writing-a-backend.md says how. It computes with the
// oracle, so it is right and slow.
package main

import (
	"context"

	"github.com/ptychogo/ptycho/conformance/oracle"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/sdk"
)

// engine is a backend whose sessions are the oracle's for as long as they compute nothing themselves.
type engine struct{ oracle *oracle.Backend }

// Info describes it. Only what is listed here may be asked for, and all of it must work.
func (e engine) Info() backend.Info {
	info := e.oracle.Info() // operations, precisions and capabilities, until they are our own
	info.Name, info.Version, info.Engine = "mine", "0.1.0", "my library 1.0"
	return info
}

// Devices are the places where it computes, and why others do not serve.
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

// session gets a method for each call that the engine learns; what it lacks the oracle answers.
type session struct {
	backend.Session
	backend.Inspector
}

func main() {
	sdk.Serve(engine{oracle.New()})
}
