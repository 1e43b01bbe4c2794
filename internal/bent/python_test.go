//go:build linux

package bent

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/host/plugin"
)

// TestPython_SurvivesHosts runs the commands with corrupted answers on one process of the PyTorch backend: hosts give up its calls
// at any moment. Afterwards it must still compute, and hold no more threads and memory than at first.
func TestPython_SurvivesHosts(t *testing.T) {
	process := startPython(t)
	w := newWorld(t)
	w.backend = process
	const first = 10 // runs until every part of the engine was in use
	w.survive(t, first, *within)
	threads, memory := resources(t, process.PID())
	w.survive(t, *count, *within)
	laterThreads, laterMemory := resources(t, process.PID())
	t.Logf("after %d runs %d threads, %d MiB; after %d more %d threads, %d MiB", first, threads, memory, *count, laterThreads, laterMemory)
	if laterThreads > threads+30 || laterMemory > memory+200 {
		t.Error("threads or memory are not released")
	}
	report, err := conformance.Check(t.Context(), conformance.Target{Name: pluginName, Start: func(context.Context) (backend.Backend, func() error, error) {
		return process, func() error { return nil }, nil
	}}, quick)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if r.Status == conformance.Failed {
			t.Errorf("%s: %s", r.Name, r.Message)
		}
	}
}

// startPython starts the PyTorch backend with the packages of PTYCHO_TORCH_PYTHON, or skips the test.
func startPython(t *testing.T) *plugin.Process {
	t.Helper()
	name := os.Getenv("PTYCHO_TORCH_PYTHON")
	if name == "" || testing.Short() {
		t.Skip("PTYCHO_TORCH_PYTHON is not set, or the test is left out by -short")
	}
	if out, err := exec.Command(name, "-c", "import torch, numpy, grpc, google.protobuf, cryptography").CombinedOutput(); err != nil {
		t.Skipf("PTYCHO_TORCH_PYTHON: %v: %s", err, out)
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ptycho-backend-pytorch")
	script := fmt.Sprintf("#!%s\nimport sys\nsys.path[:0] = [%q, %q]\nfrom ptycho_backend_pytorch import main\nmain()\n", name,
		filepath.Join(root, "sdk", "python"), filepath.Join(root, "examples", "backend-pytorch"))
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	process, err := plugin.Start(t.Context(), plugin.Spec{Name: pluginName, Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := process.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return process
}

// resources returns the number of threads of a process and its resident memory, MiB.
func resources(t *testing.T, pid int) (threads, memory int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatalf("the backend has ended: %v", err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "Threads":
			_, err = fmt.Sscan(value, &threads)
		case "VmRSS":
			_, err = fmt.Sscan(value, &memory)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return threads, memory >> 10
}
