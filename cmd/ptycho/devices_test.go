//go:build linux

package main_test

import (
	"maps"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/internal/program"
)

// A run on several devices follows that of Gorgonia on one, repeats to the bit, and goes on with another number of them.
func TestDevices_TrainRepeatsAndResumes(t *testing.T) {
	dir, scan, runs := program.XLA(t, true), smallScan(t), t.TempDir()
	path := func(name string) string { return filepath.Join(runs, name) }
	train := func(name string, more ...string) string {
		_, stderr, code := run(t, append([]string{"train", "--plugin-dir", dir, "--backend", "xla", "--train-data-file", scan, "--output-dir", path(name),
			"--max-epochs", "2", "--n-filters-scale", "1", "--learning-rate", "1e-4", "--device", "cpu"}, more...)...)
		if code != 0 {
			t.Fatalf("train %v ends with %d: %s", more, code, stderr)
		}
		return stderr
	}
	must(t, "train", "--train-data-file", scan, "--output-dir", path("one"), "--max-epochs", "2", "--n-filters-scale", "1", "--learning-rate", "1e-4")
	if said := train("four", "--devices", "4", "--strategy", "ddp"); !strings.Contains(said, "4 devices cpu, cpu:1, cpu:2, cpu:3") {
		t.Errorf("it does not say that it computes on four devices:\n%s", said)
	}
	train("moved", "--devices", "4", "--stop-after", "1")
	if a, b := saved(t, path("four"), "step-00000012.npz"), saved(t, path("moved"), "step-00000012.npz"); len(a) < 10 || !maps.Equal(a, b) {
		t.Error("two equal runs on four devices gave other bytes after an epoch")
	}
	must(t, "train", "--plugin-dir", dir, "--resume", path("moved"), "--devices", "2")
	want := deviances(t, path("one"))
	for _, name := range []string{"four", "moved"} {
		got := deviances(t, path(name))
		if len(got) != len(want) {
			t.Errorf("%s has %d epochs, want %d", name, len(got), len(want))
			continue
		}
		for i := range got { // rounding parts two runs as it parts two backends, see the test of those
			if e := math.Abs(got[i]/want[i] - 1); e > 1e-3 && i == 0 || e > 5e-2 {
				t.Errorf("%s, epoch %d: deviance %v, Gorgonia's is %v", name, i+1, got[i], want[i])
			}
		}
	}
	must(t, "infer", "--plugin-dir", dir, "--model-path", path("four"), "--test-data", scan, "--output-dir", path("out"), "--devices", "4")
}

// What cannot be shared is refused in one sentence before any data is read.
func TestDevices_RefusedInOneSentence(t *testing.T) {
	dir, scan := program.XLA(t, true), smallScan(t)
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"gorgonia":      {[]string{"--backend", "gorgonia", "--devices", "2"}, host.ExitBackend, "--devices"},
		"too many":      {[]string{"--backend", "xla", "--device", "cpu", "--devices", "5"}, host.ExitDevice, "use --devices 4 or fewer"},
		"not ddp":       {[]string{"--backend", "xla", "--device", "cpu", "--devices", "2", "--strategy", "fsdp"}, host.ExitBackend, "--strategy ddp"},
		"no such cards": {[]string{"--backend", "xla", "--device", "cuda:998", "--devices", "2"}, host.ExitDevice, "GPU"},
	} {
		out := filepath.Join(t.TempDir(), "out")
		_, stderr, code := run(t, append([]string{"train", "--plugin-dir", dir, "--train-data-file", scan, "--output-dir", out}, c.args...)...)
		lines := strings.Split(strings.TrimSpace(stderr), "\n")
		if last := lines[len(lines)-1]; code != c.code || !strings.HasPrefix(last, "ptycho: ") || !strings.Contains(last, c.says) {
			t.Errorf("%s: exit code %d, want %d, and a last line with %q:\n%s", name, code, c.code, c.says, stderr)
		}
	}
}
