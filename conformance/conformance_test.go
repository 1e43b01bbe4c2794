package conformance_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/conformance/oracle"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/fixture"
	"github.com/ptychogo/ptycho/internal/machine"
	gorgonia "github.com/ptychogo/ptycho/plugins/gorgonia/backend"
)

// inProcess returns a target without a process boundary.
func inProcess(name string, b backend.Backend, d tensor.DType) conformance.Target {
	return conformance.Target{Name: name, DType: d, Start: func(context.Context) (backend.Backend, func() error, error) {
		return b, func() error { return nil }, nil
	}}
}

// fullSize finds the cases with networks of the usual size, on which core/reference takes most of a minute.
var fullSize = regexp.MustCompile(`^network/(unet|cnn)-(64|128)-`)

// passes runs all cases but those of full size, which make ci-full adds. The tests of the Gorgonia backend compare full networks.
func passes(t *testing.T, target conformance.Target) {
	t.Helper()
	if fixture.Full() {
		conformance.Run(t, target, conformance.Operates)
		return
	}
	var names []string
	for _, c := range conformance.Cases() {
		if !fullSize.MatchString(c.Name) {
			names = append(names, regexp.QuoteMeta(c.Name))
		}
	}
	if left := len(conformance.Cases()) - len(names); left != 7 {
		t.Errorf("%d cases are of full size, want 7", left)
	}
	report, err := conformance.Check(t.Context(), target, conformance.Options{Level: conformance.Operates, Run: regexp.MustCompile("^(" + strings.Join(names, "|") + ")$")})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if r.Status != conformance.Passed && !(r.Status == conformance.Excluded && strings.HasPrefix(r.Name, "process/")) {
			t.Errorf("%s %s: %s: %s", r.Name, r.Status, r.Rule, r.Message)
		}
	}
	if len(report.Results) != len(names) {
		t.Errorf("%d of %d cases ran", len(report.Results), len(names))
	}
}

func TestOracle_PassesEveryLevel(t *testing.T) {
	fixture.NeedsAll(t) // ten seconds of core/reference against itself
	passes(t, inProcess("reference", oracle.New(), tensor.Float32))
}

func TestGorgonia_PassesEveryLevel(t *testing.T) {
	if testing.Short() {
		t.Skip("takes twenty seconds")
	}
	precisions := []tensor.DType{tensor.Float32}
	if fixture.All() {
		precisions = append(precisions, tensor.Float64)
	}
	for _, d := range precisions {
		t.Run(d.String(), func(t *testing.T) {
			passes(t, inProcess("gorgonia", gorgonia.New(), d))
		})
	}
}

// TestGorgonia_ComputesOnEveryPath runs the cases of single operations with each set of instructions of this machine but the fastest,
// with which TestGorgonia_PassesEveryLevel runs them.
func TestGorgonia_ComputesOnEveryPath(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds: not with -short")
	}
	all := machine.Supported()
	for _, path := range all[:len(all)-1] {
		t.Run(string(path), func(t *testing.T) {
			t.Setenv("PTYCHO_CPU", string(path))
			report := checked(t, gorgonia.New(), conformance.Options{Level: conformance.Reproduces, Run: regexp.MustCompile("^(operation/|network/unet-small|bits/operations$)")})
			for _, r := range report.Results {
				if r.Status != conformance.Passed {
					t.Errorf("%s: %s", r.Name, r.Message)
				}
			}
		})
	}
}
