package backend

import (
	"context"

	"github.com/ptychogo/ptycho/core/program"
)

// Unimplemented answers every call of Session with Unsupported. Embed it, so that a call that is added later in a
// minor version does not break your build.
type Unimplemented struct{}

func unsupported(op string) error { return Errorf(Unsupported, op, "this backend does not offer it") }

// Params is empty.
func (Unimplemented) Params() []program.ParamSpec { return nil }

// SetState is not offered.
func (Unimplemented) SetState(context.Context, State) error { return unsupported("set state") }

// State is not offered.
func (Unimplemented) State(context.Context) (State, error) { return State{}, unsupported("state") }

// Bind is not offered.
func (Unimplemented) Bind(context.Context, Dataset) (DatasetID, error) {
	return "", unsupported("bind")
}

// Unbind is not offered.
func (Unimplemented) Unbind(context.Context, DatasetID) error { return unsupported("unbind") }

// Step is not offered.
func (Unimplemented) Step(context.Context, StepPlan, func(StepResult) error) error {
	return unsupported("step")
}

// Evaluate is not offered.
func (Unimplemented) Evaluate(context.Context, EvalPlan, func(EvalResult) error) error {
	return unsupported("evaluate")
}

// Reconstruct is not offered.
func (Unimplemented) Reconstruct(context.Context, ReconPlan, func(Patches) error) error {
	return unsupported("reconstruct")
}

// Stop is not offered.
func (Unimplemented) Stop(context.Context) error { return unsupported("stop") }

// Close does nothing.
func (Unimplemented) Close() error { return nil }

var _ Session = Unimplemented{}
