//go:build linux

package main_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// TestResume_OnEveryEngine begins a run on each engine and resumes it on each. The result must be that of Gorgonia alone. A missing
// engine is left out, and the test is skipped if only Gorgonia is there.
func TestResume_OnEveryEngine(t *testing.T) {
	fixture.NeedsAll(t)
	const most = 1e-3                                           // relative difference of the deviance after nine steps; measured: 1.7e-4
	t.Setenv("XLA_FLAGS", "--xla_backend_optimization_level=0") // halves the compile time
	runs := t.TempDir()
	names, programs := []string{"gorgonia"}, map[string]string{"gorgonia": "gorgonia"}
	for _, e := range []struct {
		name string
		path func(t *testing.T, dir string) string
	}{{"xla", xlaProgram}, {"pytorch", torchProgram}} {
		t.Run(e.name, func(t *testing.T) { programs[e.name] = e.path(t, runs) }) // skipped with its reason
		if programs[e.name] != "" {
			names = append(names, e.name)
		}
	}
	if len(names) == 1 {
		t.Skip("only Gorgonia is there: see the reasons for xla and pytorch")
	}
	path := func(name string) string { return filepath.Join(runs, name) }
	must(t, "simulate", "--output", path("scan.npz"), "--n", "32", "--object-size", "96", "--n-images", "48", "--nphotons", "1e5")
	begin := func(name, backend string, more ...string) {
		must(t, append(trainInto(path("scan.npz"), path(name), "--backend", programs[backend], "--max-epochs", "3", "--learning-rate", "1e-4", "--threads", "1"), more...)...)
	}
	begin("whole", "gorgonia")
	want := deviances(t, path("whole"))
	head, body := fmt.Sprintf("%-12s", "begun on"), ""
	for _, from := range names {
		begin(from, from, "--stop-after", "1")
		head += fmt.Sprintf("%12s", from)
		body += fmt.Sprintf("\n%-12s", from)
		for _, to := range names {
			run := path(from + "-" + to)
			if err := os.CopyFS(run, os.DirFS(path(from))); err != nil {
				t.Fatal(err)
			}
			must(t, "train", "--resume", run, "--backend", programs[to], "--quiet")
			got := deviances(t, run)
			if len(got) != len(want) {
				t.Fatalf("%d epochs, want %d", len(got), len(want))
			}
			last := math.Abs(got[len(got)-1]/want[len(want)-1] - 1)
			if last > most {
				t.Errorf("begun on %s, resumed on %s: deviances %v, want nearly %v", from, to, got, want)
			}
			body += fmt.Sprintf("%12.1e", last)
		}
	}
	t.Logf("deviance after the last epoch, relative difference from Gorgonia alone, by the engine that resumed\n%s%s", head, body)
}

func xlaProgram(t *testing.T, _ string) string {
	t.Helper()
	return filepath.Join(fixture.XLA(t, true), "ptycho-backend-xla")
}

// torchProgram writes a start script of the PyTorch backend to a folder, or skips the test.
func torchProgram(t *testing.T, dir string) string {
	t.Helper()
	python := torchPython(t)
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "ptycho-backend-pytorch")
	script := fmt.Sprintf("#!%s\nimport sys\nsys.path[:0] = [%q, %q]\nfrom ptycho_backend_pytorch import main\nmain()\n", python,
		filepath.Join(root, "sdk", "python"), filepath.Join(root, "examples", "backend-pytorch"))
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	return path
}
