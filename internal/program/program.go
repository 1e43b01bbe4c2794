// Package program runs the ptycho binary for tests, so that they check what a user sees.
//
// It is a package of its own because only tests use it.
package program

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var (
	building sync.Once
	binary   string
	failed   error
)

// programs is the variable with a folder of programs that were built a moment ago: ptycho, and plugins/ptycho-backend-xla. make test
// sets it, so that each package with such tests copies them instead of linking them again.
const programs = "PTYCHO_TEST_PROGRAMS"

// provide copies a program from the folder that make test names, or else builds it from a package. It creates the folder of path.
func provide(path, name, pkg, cgo string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	make := exec.Command("go", "build", "-o", path, pkg)
	if dir := os.Getenv(programs); dir != "" {
		make = exec.Command("cp", filepath.Join(dir, name), path) // by another process: while this one writes a program, it cannot be started
	}
	make.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if out, err := make.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// Path returns the program, built once per test process, without cgo. Clean removes it.
func Path(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("with -short nothing starts the program as a process")
	}
	building.Do(func() {
		var dir string
		if dir, failed = os.MkdirTemp("", "ptycho-test-"); failed != nil {
			return
		}
		binary = filepath.Join(dir, "ptycho")
		failed = provide(binary, "ptycho", "github.com/ptychogo/ptycho/cmd/ptycho", "0")
	})
	if failed != nil {
		t.Fatal(failed)
	}
	return binary
}

// Clean removes the binary that Path built. Call it from TestMain.
func Clean() {
	if binary != "" {
		_ = os.RemoveAll(filepath.Dir(binary)) // a temporary folder
	}
}

// Result is the result of a command.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Run runs ptycho in a folder ("": the current one) with further variables NAME=value.
func Run(t testing.TB, dir string, variables []string, args ...string) Result {
	t.Helper()
	cmd := exec.Command(Path(t), args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), variables...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return Result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// Must runs a command that must succeed, and returns its standard output.
func Must(t testing.TB, dir string, args ...string) string {
	t.Helper()
	r := Run(t, dir, nil, args...)
	if r.Code != 0 {
		t.Fatalf("ptycho %s: exit %d: %s", strings.Join(args, " "), r.Code, r.Stderr)
	}
	return r.Stdout
}
