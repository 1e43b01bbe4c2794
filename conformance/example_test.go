package conformance_test

import (
	"context"
	"testing"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/conformance/oracle"
	"github.com/ptychogo/ptycho/core/backend"
)

// A test of a backend's repository; without the process boundary a debugger can step into the backend.
func ExampleRun() {
	_ = func(t *testing.T) { // TestBackend_Computes
		conformance.Run(t, conformance.Target{Name: "mine", Start: func(context.Context) (backend.Backend, func() error, error) {
			return oracle.New(), func() error { return nil }, nil
		}}, conformance.Computes)
	}
}
