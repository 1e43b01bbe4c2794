package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// torchPython returns a Python with PyTorch and what sdk/python needs, or skips the test.
func torchPython(t *testing.T) string {
	t.Helper()
	long(t)
	name := os.Getenv("PTYCHO_TORCH_PYTHON")
	if name == "" {
		t.Skip("PTYCHO_TORCH_PYTHON is not set: it names a Python with torch, numpy, grpcio, protobuf, cryptography and setuptools")
	}
	if out, err := exec.Command(name, "-c", "import torch, numpy, grpc, google.protobuf, cryptography, setuptools").CombinedOutput(); err != nil {
		t.Skipf("PTYCHO_TORCH_PYTHON: %v: %s", err, out)
	}
	return name
}

// TestPyTorchExample_ReadmeCommandsWork runs the commands of the example's README without a network: its environment sees the
// packages of PTYCHO_TORCH_PYTHON. Then it checks one operation of each kind, an update rule and a resumption.
func TestPyTorchExample_ReadmeCommandsWork(t *testing.T) {
	python := torchPython(t)
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	packages, err := exec.Command(python, "-c", "import torch, pathlib; print(pathlib.Path(torch.__file__).parents[1])").Output()
	if err != nil {
		t.Fatal(err)
	}
	scan, lines := smallScan(t), commands(t, "examples/backend-pytorch/README.md")
	t.Chdir(t.TempDir())
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	if err := os.Rename(scan, "scan.npz"); err != nil {
		t.Fatal(err)
	}
	for _, line := range append(lines, "ptycho conformance --backend pytorch --run ^(operation/(conv2d|fft2|assemble|poisson_deviance)|train/adamw/decay|bits/resume)$") {
		args := strings.Fields(line)
		switch {
		case args[0] == "python3":
			command(t, python, "-m", "venv", "--without-pip", "venv") // the pip and setuptools of the other Python serve it
			places, err := filepath.Glob("venv/lib/python*/site-packages")
			if err != nil || len(places) != 1 {
				t.Fatal(places, err)
			}
			if err := os.WriteFile(filepath.Join(places[0], "outer.pth"), packages, 0o600); err != nil {
				t.Fatal(err)
			}
		case strings.HasSuffix(args[0], "/pip"):
			for i, folder := range []string{"sdk/python", "examples/backend-pytorch"} { // building writes into the folder
				if args[2+i] != "./"+folder {
					t.Fatalf("%q does not install %s", line, folder)
				}
				if err := os.CopyFS(filepath.Base(folder), os.DirFS(filepath.Join(root, folder))); err != nil {
					t.Fatal(err)
				}
				command(t, python, "-m", "pip", "--python", "venv/bin/python", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "./"+filepath.Base(folder))
			}
		case args[0] == "ptycho":
			want := 0
			if strings.Contains(line, "--run") {
				want = 21 // the other cases did not run
			}
			if args[1] == "train" {
				args = append(args, "--max-epochs", "1", "--n-filters-scale", "1")
			}
			if stdout, stderr, code := run(t, args[1:]...); code != want {
				t.Errorf("%s: exit %d, want %d: %s%s", line, code, want, stdout, stderr)
			}
		default:
			command(t, args...)
		}
	}
}
