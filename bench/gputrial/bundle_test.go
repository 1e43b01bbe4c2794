//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// documented returns the lines of the shell blocks of docs/gpu.md.
func documented(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "gpu.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i, block := range strings.Split(string(text), "```") {
		if lines, ok := strings.CutPrefix(block, "sh\n"); ok && i%2 == 1 {
			out = append(out, strings.Split(strings.TrimSpace(lines), "\n")...)
		}
	}
	return out
}

// TestBundle_RunsWithoutGo runs the commands of docs/gpu.md: it builds the bundle, copies it to an empty folder and starts each
// trial there, in an environment without Go. The trials run only their first stage, because all stages take minutes.
func TestBundle_RunsWithoutGo(t *testing.T) {
	fixture.NeedsAll(t) // builds the bundle
	compiler := os.Getenv("CC")
	if compiler == "" {
		compiler = "gcc"
	}
	if _, err := exec.LookPath(compiler); err != nil {
		t.Skip("the bundle holds the XLA backend, which needs a C compiler: " + err.Error())
	}
	folder := t.TempDir()
	trials := 0
	for _, line := range documented(t) {
		args := strings.Fields(line)
		switch {
		case line == "make gpu-bundle":
			cmd := exec.Command(filepath.Join("..", "..", "scripts", "gpu-bundle"), filepath.Join(folder, "bin", "gpu"))
			cmd.Env = append(os.Environ(), "BUNDLE_FLAGS=")
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "MiB of at most 60 MiB") {
				t.Fatalf("%v: %s", err, out)
			}
		case args[0] == "bin/gpu/gpu-trial":
			if _, err := parse(args[1:]); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			inEmptyEnvironment(t, folder, args)
			trials++
		default:
			t.Errorf("the test cannot run %q", line)
		}
	}
	if trials < 2 {
		t.Errorf("the document shows %d trials, want 2", trials)
	}
}

// inEmptyEnvironment starts a trial's first stage on the CPU.
func inEmptyEnvironment(t *testing.T, folder string, args []string) {
	t.Helper()
	cmd := exec.Command(args[0], append(args[1:], "--cpu", "--only", "machine")...)
	cmd.Dir, cmd.Env = folder, []string{"PATH=/usr/bin:/bin", "HOME=" + t.TempDir()}
	out, err := cmd.Output() // its exit code is 1 without an XLA library
	for _, want := range []string{"| ptycho | ptycho ", "| doctor: program | built with cgo |", "| training: training step of the U-Net | skipped |"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the output of %v lacks the line %q (%v):\n%s", args, want, err, out)
		}
	}
}
