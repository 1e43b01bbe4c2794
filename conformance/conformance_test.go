package conformance_test

import (
	"context"
	"testing"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/conformance/oracle"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	gorgonia "github.com/ptychogo/ptycho/plugins/gorgonia/backend"
)

// inProcess returns a target without a process boundary.
func inProcess(name string, b backend.Backend, d tensor.DType) conformance.Target {
	return conformance.Target{Name: name, DType: d, Start: func(context.Context) (backend.Backend, func() error, error) {
		return b, func() error { return nil }, nil
	}}
}

func TestOracle_ReachesLevel3(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	conformance.Run(t, inProcess("reference", oracle.New(), tensor.Float32), conformance.Reproduces)
}

func TestGorgonia_ReachesLevel3(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	for name, d := range map[string]tensor.DType{"float32": tensor.Float32, "float64": tensor.Float64} {
		t.Run(name, func(t *testing.T) {
			conformance.Run(t, inProcess("gorgonia", gorgonia.New(), d), conformance.Reproduces)
		})
	}
}
