package backend_test

import (
	"context"
	"fmt"

	"github.com/ptychogo/ptycho/core/backend"
)

// predicting is the session of a backend that only predicts.
type predicting struct {
	backend.Unimplemented // all other calls
}

func (predicting) Reconstruct(context.Context, backend.ReconPlan, func(backend.Patches) error) error {
	return nil // emit the patches of each batch
}

func ExampleUnimplemented() {
	var s backend.Session = predicting{}
	err := s.Step(context.Background(), backend.StepPlan{}, nil)
	fmt.Println(backend.KindOf(err))
	fmt.Println(err)
	// Output:
	// unsupported
	// step: this backend does not support this call
}
