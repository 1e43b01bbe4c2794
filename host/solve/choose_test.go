package solve

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/simulate"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
)

// --fit auto fits what is wrong with the scan, and the report says what was tried and where held-out patterns ended the run.
func TestSolve_ChoosesAndReports(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds: not with -short")
	}
	scan := filepath.Join(t.TempDir(), "scan.npz")
	faults := []simulate.Fault{{Name: "jitter", Strength: 2}}
	if _, err := dataset.Simulate(context.Background(), simulate.Options{Object: simulate.Blocks, Probe: simulate.Aberrated, N: 32, Height: 72, Patterns: 80, Seed: 2, Faults: faults}, scan, true); err != nil {
		t.Fatal(err)
	}
	o := Options{Data: scan, Units: "auto", Layout: "auto", OutputDir: filepath.Join(t.TempDir(), "out"), NoGeometry: true, Auto: true, Solve: iterative.Options{Iterations: 12}}
	o.Scan.Examine = "off"
	r, err := Run(context.Background(), o, host.Host{Notice: func(string, ...any) {}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Choice == nil || !slices.Contains(r.Fit, "positions") || !(r.Choice.Residual < r.Choice.Before) || (r.Ended == endedHeldOut) == r.Choice.Falling || r.Iterations > 12 {
		t.Errorf("fit %v, ended %s after %d, choice %+v", r.Fit, r.Ended, r.Iterations, r.Choice)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Choice struct {
			Trials []struct {
				Fit string `json:"fit"`
			} `json:"trials"`
		} `json:"choice"`
	}
	if err := json.Unmarshal(text, &back); err != nil || len(back.Choice.Trials) < 5 || back.Choice.Trials[0].Fit != "probe" {
		t.Errorf("%v: %s", err, text)
	}
}
