package backend_test

import (
	"context"
	"os"
	"regexp"
	"testing"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/fixture"
	xla "github.com/ptychogo/ptycho/plugins/xla/backend"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/plugins/xla/library"
)

// available skips a test that needs the XLA library, with the reason.
func available(t testing.TB) {
	t.Helper()
	if !engine.Built {
		t.Skip("this test was built without cgo, which XLA needs")
	}
	if _, err := xla.Library(library.CPU); err != nil {
		t.Skip(err)
	}
}

func target(d tensor.DType) conformance.Target {
	return conformance.Target{Name: "xla", Devices: []string{"cpu"}, DType: d, Start: func(context.Context) (backend.Backend, func() error, error) {
		return xla.New(), func() error { return nil }, nil
	}}
}

// XLA compiles each program separately, so the whole suite takes minutes; make ci-full runs it. The cases of make test-all are those of
// level 0, some of the levels 2 and 3, the small networks, and the operations that need more than one call of GoMLX. bits/resume
// also finds what bits/again is for, and each compiled program takes seconds.
var chosen = regexp.MustCompile(`^(info|devices|capabilities|refuses|state|cancel|stop|not-finite|evaluate|reconstruct|` +
	`operation/(back_project|maxpool2|merge_pairwise)$|network/(unet-small-gridsize2|cnn-small)|` +
	`train/(rates-by-group|sgd/nesterov|adam/8|adamw|clip/norm|accumulate|ema|padding)|bits/(threads|resume)|resume)`)

// sample are the cases of make test: the quick ones and one network, which is trained and compared to the bit.
var sample = regexp.MustCompile(quick.String() + `|^(network/unet-small-gridsize2|train/(sgd/nesterov|padding)|bits/threads)`)

// quick are the cases with -short: those that compile little.
var quick = regexp.MustCompile(`^(info|devices|refuses|state|cancel|evaluate/|reconstruct)`)

// TestMain reduces XLA's optimisation, so that it compiles faster, unless the whole suite is run.
func TestMain(m *testing.M) {
	if os.Getenv("XLA_FLAGS") == "" && !fixture.Full() {
		os.Setenv("XLA_FLAGS", "--xla_backend_optimization_level=0")
	}
	os.Exit(m.Run())
}

func TestXLA_PassesTheConformanceSuite(t *testing.T) {
	available(t)
	if fixture.Full() {
		for name, d := range map[string]tensor.DType{"float32": tensor.Float32, "float64": tensor.Float64} {
			t.Run(name, func(t *testing.T) { conformance.Run(t, target(d), conformance.Reproduces) })
		}
		return
	}
	cases, least := quick, 10
	if fixture.All() {
		cases, least = chosen, 30
	} else if !testing.Short() {
		cases, least = sample, 13
	}
	report, err := conformance.Check(context.Background(), target(tensor.Float32), conformance.Options{Level: conformance.Reproduces, Run: cases})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Results) < least {
		t.Errorf("only %d cases ran: the names of the cases have changed", len(report.Results))
	}
	for _, r := range report.Results {
		if r.Status != conformance.Passed {
			t.Errorf("%s %s: %s: %s", r.Name, r.Status, r.Rule, r.Message)
		}
	}
}
