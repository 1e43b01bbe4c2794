//go:build linux

package main_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// Runs that share batches have the same bits on any number of devices, also if that number changes at a resume, and differ from a
// run of Gorgonia by rounding.
func TestDevices_TrainTheSameBitsAndResume(t *testing.T) {
	fixture.NeedsAll(t) // compiles for four devices; the tests of the XLA backend compare the bits of sessions
	dir, scan, runs := fixture.XLA(t, true), smallScan(t), t.TempDir()
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
	train("shards", "--strategy", "ddp")
	train("moved", "--devices", "4", "--stop-after", "1")
	must(t, "train", "--plugin-dir", dir, "--resume", path("moved"), "--devices", "2")
	for name, which := range map[string]string{"shards": "on one device", "moved": "on four devices, then two,"} {
		if !bytes.Equal(weights(t, path("four")), weights(t, path(name))) {
			t.Errorf("the weights of a run %s are not those of four devices", which)
		}
	}
	agree(t, deviances(t, path("one")), deviances(t, path("four")))
	must(t, "infer", "--trust-data", "--plugin-dir", dir, "--model-path", path("four"), "--test-data", scan, "--output-dir", path("out"), "--devices", "4")
}

// What cannot be shared is refused in one sentence before any data is read.
func TestDevices_RefusedInOneSentence(t *testing.T) {
	dir, scan := fixture.XLA(t, true), smallScan(t)
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
