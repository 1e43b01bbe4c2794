package backend

import (
	"context"

	"github.com/ptychogo/ptycho/core/program"
)

// Unimplemented returns an Unsupported error from every call of Session. Embed it, so that your code still compiles when a
// minor version adds a call.
type Unimplemented struct{}

func unsupported(op string) error {
	return Errorf(Unsupported, op, "this backend does not support this call")
}

// Params returns nil.
func (Unimplemented) Params() []program.ParamSpec { return nil }

// SetState returns an Unsupported error.
func (Unimplemented) SetState(context.Context, State) error { return unsupported("set state") }

// State returns an Unsupported error.
func (Unimplemented) State(context.Context) (State, error) { return State{}, unsupported("state") }

// Bind returns an Unsupported error.
func (Unimplemented) Bind(context.Context, Dataset) (DatasetID, error) {
	return "", unsupported("bind")
}

// Step returns an Unsupported error.
func (Unimplemented) Step(context.Context, StepPlan, func(StepResult) error) error {
	return unsupported("step")
}

// Evaluate returns an Unsupported error.
func (Unimplemented) Evaluate(context.Context, EvalPlan, func(EvalResult) error) error {
	return unsupported("evaluate")
}

// Reconstruct returns an Unsupported error.
func (Unimplemented) Reconstruct(context.Context, ReconPlan, func(Patches) error) error {
	return unsupported("reconstruct")
}

// Stop returns an Unsupported error.
func (Unimplemented) Stop(context.Context) error { return unsupported("stop") }

// Close does nothing.
func (Unimplemented) Close() error { return nil }

var _ Session = Unimplemented{}
