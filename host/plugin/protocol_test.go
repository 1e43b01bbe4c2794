//go:build unix

package plugin

import (
	"errors"
	"syscall"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// startBare starts a variant of the plugin that is written from docs/protocol.md alone.
func startBare(t *testing.T, variant string) (*Process, error) {
	t.Helper()
	spec := role(t, "bare "+variant)
	spec.LogLevel = hclog.Warn
	p, err := Start(t.Context(), spec)
	if err == nil {
		t.Cleanup(p.Kill)
	}
	return p, err
}

// All services but Backend may be missing, and a plugin need not ask for the host's certificate. The plugin
// reports as its engine what differs from the document at its start.
func TestProtocol_BarePluginWorks(t *testing.T) {
	t.Parallel()
	for _, variant := range []string{"plain", "mutual"} {
		p, err := startBare(t, variant)
		if err != nil {
			t.Fatal(err)
		}
		info := p.Info()
		if info.Name != "bare" || info.Engine != "" {
			t.Errorf("%s: differs from the document: %+v", variant, info)
		}
		if devices, err := p.Devices(t.Context()); err != nil || len(devices) != 1 || devices[0].ID != "cpu" {
			t.Errorf("%s: %+v, %v", variant, devices, err)
		}
		if err := p.Stop(t.Context()); err != nil {
			t.Errorf("%s: %v", variant, err)
		}
		if err := syscall.Kill(p.PID(), 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%s: the process is still there: %v", variant, err)
		}
	}
}

// The host accepts only the certificate of the handshake line, for the name localhost.
func TestProtocol_OtherCertificatesAreRefused(t *testing.T) {
	t.Parallel()
	for _, variant := range []string{"impostor", "nameless"} {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			if p, err := startBare(t, variant); err == nil {
				t.Errorf("%+v was accepted", p.Info())
			}
		})
	}
}

// Events, Forward, Gradient, Step and Reconstruct may be missing. Stop and CloseSession must not be. A plan that ends early is
// an error, and so is CANCELLED without a cancellation.
func TestProtocol_MissingCalls(t *testing.T) {
	t.Parallel()
	p, err := startBare(t, "trains")
	if err != nil {
		t.Fatal(err)
	}
	of := toyProgram("toy")
	of.Params = nil
	s, err := p.Open(t.Context(), backend.OpenOptions{Program: of, Train: true, Progress: func(backend.Event) {}})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.(backend.Inspector); ok {
		t.Error("a session that does not inspect is an Inspector")
	}
	if err := s.SetState(t.Context(), backend.State{}); err != nil {
		t.Error(err)
	}
	_, err = s.Bind(t.Context(), backend.Dataset{Patterns: 1, Arrays: []backend.Array{{Input: program.Counts, Gather: backend.PerPattern, Value: tensor.Must(make([]float32, 6), 1, 2, 3)}}})
	wantKind(t, err, backend.Unsupported)
	b := backend.Batch{Rows: []int32{0}, Offsets: make([]float32, 2)}
	step := backend.StepPlan{Dataset: "d", Optimiser: backend.Optimiser{Kind: backend.SGD}, LossWeights: map[string]float64{"loss": 1},
		Steps: []backend.Step{{Number: 1, Batches: []backend.Batch{b}, LearningRates: map[string]float64{"": 1}}}}
	wantKind(t, s.Step(t.Context(), step, func(backend.StepResult) error { return nil }), backend.Unsupported)
	err = s.Evaluate(t.Context(), backend.EvalPlan{Dataset: "d", Batches: []backend.Batch{b}}, func(backend.EvalResult) error { return nil })
	wantKind(t, err, backend.Internal)
	err = s.Reconstruct(t.Context(), backend.ReconPlan{Dataset: "d", Batches: []backend.Batch{b}}, func(backend.Patches) error { return nil })
	wantKind(t, err, backend.Internal, "nobody cancelled it")
	wantKind(t, s.Stop(t.Context()), backend.Unsupported)
	if err := s.Close(); err == nil {
		t.Error("a missing CloseSession is not an error")
	}
}
