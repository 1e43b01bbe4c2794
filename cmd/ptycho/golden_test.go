package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/program"
)

// TestGolden_OperationsPassConformance runs the cases of single operations on a backend that computes with check.py and plain.py of
// conformance/golden. It fails if the suite demands of an operation what these files do not compute.
func TestGolden_OperationsPassConformance(t *testing.T) {
	long(t)
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "python3"
	}
	if out, err := exec.Command(python, "-c", "import grpc, numpy, google.protobuf, cryptography").CombinedOutput(); err != nil {
		t.Skipf("%s with grpc, numpy, protobuf and cryptography is needed: %s", python, out)
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath(python)
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\nexport PYTHONDONTWRITEBYTECODE=1 PYTHONPATH='%[1]s/sdk/python:%[1]s/conformance/golden'\nexec '%[2]s' '%[1]s/cmd/ptycho/testdata/golden.py' \"$@\"\n", root, path)
	file := filepath.Join(t.TempDir(), "ptycho-backend-golden")
	if err := os.WriteFile(file, []byte(script), 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	stdout, stderr, code := run(t, "conformance", "--backend", file, "--run", "^operation/")
	n := len(program.Kinds())
	if code != 21 || !strings.Contains(stdout, fmt.Sprintf("%d of %d operations covered", n, n)) { // 21: the other cases did not run
		t.Errorf("exit %d: %s\n%s", code, stdout, stderr)
	}
}
