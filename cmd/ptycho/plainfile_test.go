//go:build unix

package main_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Every command that reads a file rejects a FIFO, which would block, and a device, which never ends.
func TestFIFO_RefusedByEveryCommand(t *testing.T) {
	scan, dir := smallScan(t), t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o700); err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(dir, "model") // a folder whose manifest is a FIFO
	plugins := filepath.Join(dir, "plugins", "bad")
	for _, d := range []string{model, plugins} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{filepath.Join(model, "manifest.json"), filepath.Join(plugins, "plugin.json")} {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "out")
	for _, bad := range []string{fifo, "/dev/zero"} {
		for _, args := range [][]string{
			{"inspect", bad},
			{"solve", "--data", bad, "--output-dir", out},
			{"train", "--train-data-file", bad, "--output-dir", out},
			{"train", "--train-data-file", scan, "--test-data-file", bad, "--output-dir", out, "--no-check-geometry"},
			{"train", "--train-data-file", scan, "--output-dir", out, "--config", bad},
			{"train", "--train-data-file", scan, "--output-dir", out, "--backend", bad},
			{"train", "--resume", bad},
			{"infer", "--model-path", bad, "--test-data", scan, "--output-dir", out},
			{"infer", "--model-path", model, "--test-data", scan, "--output-dir", out},
			{"evaluate", "--reconstruction", bad, "--reference", scan},
			{"evaluate", "--reconstruction", scan, "--reference", bad},
			{"config", "explain", "--config", bad},
			{"config", "show", "--legacy", bad},
			{"config", "diff", bad, bad},
			{"config", "import", bad},
			{"model", "show", bad},
			{"plugins", "doctor", "bad", "--plugin-dir", filepath.Dir(plugins)},
		} {
			t.Run(strings.Join(args[:2], " "), func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				text, err := exec.CommandContext(ctx, ptycho(t), args...).CombinedOutput()
				if ctx.Err() != nil {
					t.Fatalf("%v hangs: %s", args, text)
				}
				code := 0
				var exit *exec.ExitError
				if errors.As(err, &exit) {
					code = exit.ExitCode()
				}
				if code < 10 || code > 12 || strings.Count(strings.TrimSpace(string(text)), "\n") > 4 || strings.Contains(string(text), "panic") {
					t.Errorf("%v ended with code %d: %s", args, code, text)
				}
			})
		}
	}
}
