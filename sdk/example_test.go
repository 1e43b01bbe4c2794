package sdk_test

import (
	"context"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/sdk"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// flat is a whole backend that predicts the empty object, amplitude 1 and phase 0, whatever it is shown. An engine
// compiles the program in Open, runs it where this one calls empty, and offers Step and Evaluate as well.
type flat struct{}

func (flat) Info() backend.Info {
	return backend.Info{
		Name: "flat", Version: "0.1.0", Engine: "none",
		ProtocolMajor: backend.ProtocolMajor, ProtocolMinor: backend.ProtocolMinor,
		Capabilities: feed.Capabilities(),
		DTypes:       []tensor.DType{tensor.Float32},
		Operations:   program.Kinds(),
	}
}

func (flat) Devices(context.Context) ([]backend.Device, error) {
	return []backend.Device{{ID: "cpu", Name: "any", Usable: true, Cores: 1}}, nil
}

func (b flat) Open(_ context.Context, o backend.OpenOptions) (backend.Session, error) {
	switch err := o.Check(b.Info()); { // what this backend does not list is refused, not left aside
	case err != nil:
		return nil, err
	case o.Program == nil:
		return nil, backend.Errorf(backend.Invalid, "open", "no program")
	case o.Train || o.DType == tensor.Float64:
		return nil, backend.Errorf(backend.Unsupported, "open", "the flat backend predicts alone, in float32")
	}
	for _, d := range o.Devices {
		if d != "cpu" {
			return nil, backend.Errorf(backend.Unavailable, "open", "the flat backend computes on the device cpu, not on %s", d)
		}
	}
	return &session{Session: feed.NewSession(o.Program, feed.Asked(o, tensor.Float32)), program: o.Program}, nil
}

// session has Params, Bind, Unbind and Stop from feed, and from rest a refusal of every call that is not here.
type session struct {
	*feed.Session
	rest
	program *program.Program
	state   backend.State
}

type rest struct{ backend.Unimplemented }

func (s *session) SetState(_ context.Context, st backend.State) error {
	if err := st.Check(s.program); err != nil {
		return err
	}
	s.state = st
	return nil
}

func (s *session) State(context.Context) (backend.State, error) { return s.state, nil }

func (s *session) Close() error { return s.CloseAll() }

func (s *session) Reconstruct(ctx context.Context, p backend.ReconPlan, emit func(backend.Patches) error) error {
	value, err := p.Value(s.program)
	if err != nil {
		return err
	}
	to, err := feed.OpenPredictions(p, tensor.Complex64)
	if err != nil {
		return err
	}
	err = s.Batches(ctx, p.Dataset, p.Batches, []string{value}, func(one feed.Item) error {
		return to.Emit(one.Index, empty(len(one.Batch.Rows), s.program.N), emit)
	})
	if closed := to.Close(); err == nil {
		err = closed
	}
	return err
}

// empty is patches [patterns, n, n] of amplitude 1 and phase 0.
func empty(patterns, n int) tensor.Tensor {
	z := make([]complex64, patterns*n*n)
	for i := range z {
		z[i] = 1
	}
	return tensor.Must(z, patterns, n, n)
}

// A plugin's main is one line. Built as ptycho-backend-flat, this one is held to the contract by
//
//	ptycho conformance --backend ./ptycho-backend-flat --level 0
//
// which names what it lacks.
func ExampleServe() {
	sdk.Serve(flat{})
}
