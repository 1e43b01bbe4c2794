package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/internal/archtest"
	"github.com/ptychogo/ptycho/internal/fixture"
)

const backendDocument = "docs/writing-a-backend.md"

// goBlock returns the program in the document.
func goBlock(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", backendDocument))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```go\n")
	block, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatalf("%s shows no program", backendDocument)
	}
	return block
}

func TestBackendDocument_ProgramIsTheExample(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("..", "..", "examples", "backend", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	if got := goBlock(t); got != string(want) {
		t.Errorf("%s shows\n%s\nexamples/backend/main.go has\n%s", backendDocument, got, want)
	}
}

// TestBackendDocument_CommandsWork runs the document's commands in order, in the folder of a separate module. That module
// requires the same modules as this one, so that nothing is downloaded.
func TestBackendDocument_CommandsWork(t *testing.T) {
	fixture.NeedsAll(t) // compiles and links a module of its own
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	scan, source, lines, dir := smallScan(t), goBlock(t), commands(t, backendDocument), t.TempDir()
	t.Chdir(dir)
	t.Setenv("GOFLAGS", os.Getenv("GOFLAGS")+" -mod=mod") // with the flags of the caller, nothing is compiled again
	t.Setenv("GOPROXY", "off")
	t.Setenv("XDG_DATA_HOME", t.TempDir()) // for the installed backend
	if err := os.Rename(scan, "scan.npz"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("main.go", []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		switch args := strings.Fields(strings.ReplaceAll(line, "'", "")); args[0] {
		case "ptycho":
			if len(args) == 4 && args[1] == "conformance" {
				args = append(args, "--level", "0") // the test of the oracle in conformance runs all levels
			}
			want := 0
			if strings.Contains(line, "--run") {
				want = 21 // as the document says
			}
			if r := fixture.Run(t, "", nil, args[1:]...); r.Code != want {
				t.Errorf("%s: exit %d, want %d: %s", line, r.Code, want, r.Stderr)
			}
		case "go":
			if args[1] == "get" { // this checkout is the required version
				requireThis(t, root, "example.com/mine")
				continue
			}
			if args[1] == "doc" {
				documentation(t, root, args)
				continue
			}
			command(t, args...)
		default:
			t.Errorf("no test knows how to run %q", line)
		}
	}
}

// requireThis writes the go.mod and go.sum of a module that requires this checkout.
func requireThis(t *testing.T, root, module string) {
	t.Helper()
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	command(t, "go", "mod", "edit", "-module="+module, "-require="+archtest.Module+"@v0.0.0", "-replace="+archtest.Module+"="+root)
}

// documentation runs a go doc command of the document. Within a module go doc reads every module of the whole graph, which
// may not be on this machine. In GOPATH mode it reads only the checkout.
func documentation(t *testing.T, root string, args []string) {
	t.Helper()
	workspace := t.TempDir()
	place := filepath.Join(workspace, "src", "github.com", "ptychogo", "ptycho")
	if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root, place); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "GO111MODULE=off", "GOFLAGS=", "GOPATH="+workspace)
	out, err := cmd.CombinedOutput()
	if name := args[len(args)-1]; err != nil || !strings.Contains(string(out), name) {
		t.Errorf("%s: %v: %.300s", strings.Join(args, " "), err, out)
	}
}

// TestBackendDocument_CasesExist finds patterns for --run in the document that match no case.
func TestBackendDocument_CasesExist(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", backendDocument))
	if err != nil {
		t.Fatal(err)
	}
	names := ""
	for _, c := range conformance.Cases() {
		names += c.Name + "\n"
	}
	patterns := regexp.MustCompile("--run '?([^'` ]+)").FindAllStringSubmatch(strings.ReplaceAll(string(text), `\|`, "|"), -1)
	if len(patterns) < 5 {
		t.Fatalf("%d patterns, want 5 and more", len(patterns))
	}
	for _, p := range patterns {
		if !regexp.MustCompile("(?m)" + p[1]).MatchString(names) {
			t.Errorf("no case has a name like %s", p[1])
		}
	}
}

// command runs a command that must succeed.
func command(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
}
