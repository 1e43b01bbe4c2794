//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
		var variables []string
		for strings.Contains(args[0], "=") {
			variables, args = append(variables, args[0]), args[1:]
		}
		switch {
		case line == "make gpu-bundle":
			cmd := exec.Command(filepath.Join("..", "..", "scripts", "gpu-bundle"), filepath.Join(folder, "bin", "gpu"))
			cmd.Env = append(os.Environ(), "BUNDLE_FLAGS=")
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "MiB of at most 60 MiB") {
				t.Fatalf("%v: %s", err, out)
			}
		case line == "make fake-cuda":
			fakeDriver(t, filepath.Join(folder, "bin", "fake-cuda"))
		case args[0] == "bin/gpu/gpu-trial":
			if _, err := parse(args[1:]); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			inEmptyEnvironment(t, folder, variables, args)
			trials++
		default:
			t.Errorf("the test cannot run %q", line)
		}
	}
	if trials < 4 {
		t.Errorf("the document shows %d trials, want 4", trials)
	}
}

// fakeDriver builds the CUDA driver that runs kernels on the CPU.
func fakeDriver(t *testing.T, folder string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	cuda := filepath.Join("..", "..", "plugins", "gorgonia", "cuda")
	if out, err := exec.Command(filepath.Join(cuda, "fake", "src", "build"), filepath.Join(cuda, "kernels"), folder, "-O1", "-DUNCHECKED").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// inEmptyEnvironment starts a trial's first stage: on the driver for tests if the variables name it, else on the CPU.
func inEmptyEnvironment(t *testing.T, folder string, variables, args []string) {
	t.Helper()
	want := []string{"| ptycho | ptycho ", "| training: training step of the U-Net | skipped |"}
	switch {
	case len(variables) > 0:
		want = append(want, "doctor: device cuda:0 | Fake GPU 0")
	case slices.Contains(args, gorgonia):
		want = append(want, "| doctor: device cpu | linux/")
	default:
		want = append(want, "| doctor: program | built with cgo |")
	}
	if len(variables) == 0 {
		args = append(args, "--cpu")
	}
	cmd := exec.Command(args[0], append(args[1:], "--only", "machine")...)
	cmd.Dir, cmd.Env = folder, append(variables, "PATH=/usr/bin:/bin", "HOME="+t.TempDir())
	out, err := cmd.Output() // its exit code is 1 without an XLA library or nvidia-smi
	for _, w := range want {
		if !strings.Contains(string(out), w) {
			t.Errorf("the output of %v lacks the line %q (%v):\n%s", args, w, err, out)
		}
	}
}
