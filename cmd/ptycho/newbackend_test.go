package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/internal/archtest"
)

// TestPluginsNew_GoBackendPasses writes a backend in Go and runs what its Makefile runs, without a network: it requires the same
// modules as this one.
func TestPluginsNew_GoBackendPasses(t *testing.T) {
	long(t)
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("GOFLAGS", os.Getenv("GOFLAGS")+" -mod=mod")
	t.Setenv("GOPROXY", "off")
	must(t, "plugins", "new", "fast-one", "--lang", "go", "--source", root)
	t.Chdir("fast-one")
	text, err := os.ReadFile("go.mod")
	if err != nil || !strings.Contains(string(text), "\nreplace "+archtest.Module+" => "+root+"\n") {
		t.Errorf("go.mod is %q, %v", text, err)
	}
	requireThis(t, root, "example.com/ptycho-backend-fast-one") // in place of go mod tidy, which looks for the modules of all tests
	command(t, "go", "build", "-o", "ptycho-backend-fast-one", ".")
	command(t, "go", "vet", "./...")
	must(t, "conformance", "--backend", "./ptycho-backend-fast-one", "--level", "0", "--quiet")
	must(t, "plugins", "install", "./ptycho-backend-fast-one")
	if out := must(t, "plugins", "verify", "fast-one"); !strings.HasPrefix(out, "unchanged") {
		t.Errorf("verify prints %q", out)
	}
	must(t, "plugins", "remove", "fast-one")
}

// TestPluginsNew_PythonBackendPasses writes a backend in Python and runs level 0 on it, with the packages of another Python.
func TestPluginsNew_PythonBackendPasses(t *testing.T) {
	python := torchPython(t)
	t.Chdir(t.TempDir())
	must(t, "plugins", "new", "fast-one", "--lang", "python")
	folder, err := filepath.Abs("fast-one")
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!%s\nimport sys\nsys.path.insert(0, %q)\nfrom ptycho_backend_fast_one import main\nmain()\n", python, folder)
	if err := os.WriteFile("ptycho-backend-fast-one", []byte(script), 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	must(t, "conformance", "--backend", "./ptycho-backend-fast-one", "--level", "0", "--quiet")
	t.Chdir(folder)
	command(t, python, "-m", "unittest", "discover", "-s", "tests")
}

// TestPluginsNew_PythonGoldenVectorsAreComplete runs check.py as it lies in a new backend's folder, and looks for the protocol there.
func TestPluginsNew_PythonGoldenVectorsAreComplete(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, "plugins", "new", "fast-one", "--lang", "python")
	for _, name := range []string{"plugin.proto", "tests/test_golden.py", "golden/operations/README.md", "ptycho_backend/py.typed", "ptycho_backend_fast_one/ops.py"} {
		if info, err := os.Stat(filepath.Join("fast-one", name)); err != nil || (info.Size() == 0) != strings.HasSuffix(name, "py.typed") {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	text, err := os.ReadFile("fast-one/tests/test_golden.py")
	if err != nil || !strings.Contains(string(text), "from ptycho_backend_fast_one import _make, ops") {
		t.Errorf("the test does not import the new package: %v", err)
	}
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "python3"
	}
	if out, err := exec.Command(python, "-c", "import numpy").CombinedOutput(); err != nil {
		t.Skipf("%s with NumPy is needed: %v %s", python, err, out)
	}
	command(t, python, "fast-one/golden/check.py")
}

func TestPluginsNew_RejectsNamesAndFolders(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("taken", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"new"}, {"new", "Mine", "--lang", "go"}, {"new", "../x", "--lang", "go"}, {"new", "mine"}, {"new", "mine", "--lang", "rust"},
		{"new", "taken", "--lang", "go"}, {"new", "mine", "--lang", "go", "--source", "."},
		{"install"}, {"remove"},
	} {
		_, stderr, code := run(t, append([]string{"plugins"}, args...)...)
		if code != 10 || strings.Count(stderr, "\n") > 3 {
			t.Errorf("%v: exit %d, %q", args, code, stderr)
		}
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v are left", entries, err)
	}
}
