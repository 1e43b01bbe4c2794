package solve

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/ptychogo/ptycho/core/simulate"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
)

// A stopped run writes the whole image and a report that says "stopped" and lacks the values that were not computed.
func TestSolve_StoppedReportsOnlyWhatWasComputed(t *testing.T) {
	scan := filepath.Join(t.TempDir(), "scan.npz")
	if _, err := dataset.Simulate(context.Background(), simulate.Options{Object: simulate.Blocks, Probe: simulate.Aberrated, N: 32, Height: 80, Patterns: 60, Seed: 5}, scan, true); err != nil {
		t.Fatal(err)
	}
	for phase, computed := range map[string]bool{"solve": false, "even half": true, "odd half": true} {
		dir, stop := filepath.Join(t.TempDir(), "out"), make(chan struct{})
		_, err := Run(context.Background(), Options{Data: scan, Units: "auto", Layout: "auto", OutputDir: dir, Halves: true, NoGeometry: true, Solve: iterative.Options{Iterations: 5}}, host.Host{
			Notice: func(string, ...any) {}, Stop: stop,
			Progress: func(p host.Progress) {
				if p.Phase == phase && p.Step == 2 {
					close(stop)
				}
			},
		})
		if host.ExitCode(err) != host.ExitInterrupted {
			t.Fatalf("%s: %v, want the code of an interrupted run", phase, err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "report.json"))
		if err != nil {
			t.Fatal(err)
		}
		var report map[string]any
		if err := json.Unmarshal(text, &report); err != nil {
			t.Fatal(err)
		}
		if report["ended"] != "stopped" || len(report["notes"].([]any)) == 0 {
			t.Errorf("%s: ended %v, notes %v", phase, report["ended"], report["notes"])
		}
		for figure, want := range map[string]bool{"R": computed, "deviance": computed, "R_without_background": computed, "R_flat": computed, "frc": false, "halves": false} {
			if _, ok := report[figure]; ok != want {
				t.Errorf("%s: %s in the report: %v, want %v", phase, figure, ok, want)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, "reconstruction.npz")); err != nil {
			t.Error(err)
		}
	}
}
