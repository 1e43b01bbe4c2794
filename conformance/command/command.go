// Package command makes a conformance target of a backend's program, so that a Go test can check a backend in any language:
//
//	conformance.Subtests(t, command.Target("./ptycho-backend-mine"), conformance.Reproduces)
//
// It is a package of its own because the suite itself uses only the contract, and does not know of processes.
package command

import (
	"context"
	"path/filepath"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/host/plugin"
)

// Target returns the backend that the program at path serves, with the given arguments, in float32 on its default device. The other
// fields of the target may be changed. Each start is a new process.
func Target(path string, args ...string) conformance.Target {
	return conformance.Target{Name: filepath.Base(path), Start: func(ctx context.Context) (backend.Backend, func() error, error) {
		whole, err := filepath.Abs(path)
		if err != nil {
			return nil, nil, backend.Errorf(backend.NotFound, "start", "%s: %w", path, err)
		}
		p, err := plugin.Start(ctx, plugin.Spec{Path: whole, Args: args})
		if err != nil {
			return nil, nil, err
		}
		return p, func() error { return p.Stop(context.WithoutCancel(ctx)) }, nil
	}}
}
