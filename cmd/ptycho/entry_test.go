//go:build linux && amd64

package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestEntry_ALimitTooLowForGoEndsWithASentence runs the program that `make` builds under limits with which Go's runtime ends before main.
func TestEntry_ALimitTooLowForGoEndsWithASentence(t *testing.T) {
	long(t)
	folder, err := os.MkdirTemp("", "ptycho-entry-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "ptycho")
	build := exec.Command("go", "build", "-ldflags=-E=ptycho_entry", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Chmod(folder, 0o755); err != nil { // for the user without processes
		t.Fatal(err)
	}
	for _, c := range []struct{ limit, want string }{
		{"-v 300000", "allows 300000 KiB of address space, but at least 1572864 KiB (1.5 GiB) are needed; raise the limit with ulimit -v"},
		{"-v 1300000", "allows 1300000 KiB of address space"},
		{"-n 5", "allows 5 open files, but at least 48 are needed; raise the limit with ulimit -n"},
		{"-n 47", "allows 47 open files"},
		{"-u 1", "allows 1 processes and threads, but at least 32 are needed; raise the limit with ulimit -u"},
		{"-u 31", "allows 31 processes and threads"},
		{"-v unlimited", ""},
		{"-n 48", ""},
		{"-v 2000000", ""},
	} {
		if strings.HasPrefix(c.limit, "-u") && os.Geteuid() != 0 {
			continue // starting bash itself may need more processes
		}
		cmd := exec.Command("bash", "-c", "ulimit "+c.limit+` && exec "$0" version`, path)
		cmd.Dir = "/"
		if strings.HasPrefix(c.limit, "-u") { // the limit does not apply to root
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, err := cmd.CombinedOutput()
		text, code := strings.TrimSuffix(string(out), "\n"), cmd.ProcessState.ExitCode()
		if c.want == "" && (err != nil || !strings.HasPrefix(text, "ptycho ")) {
			t.Errorf("ulimit %s: %v: %q, want the version", c.limit, err, text)
		}
		if c.want != "" && (code != 10 || !strings.HasPrefix(text, "ptycho: the shell "+c.want) || strings.Contains(text, "\n")) {
			t.Errorf("ulimit %s: code %d: %q, want code 10 and one line with %q", c.limit, code, text, c.want)
		}
	}
	t.Run("arguments and environment arrive", func(t *testing.T) {
		cmd := exec.Command(path, "config", "explain", "no such setting")
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "no such setting") {
			t.Errorf("%v: %s, want an error that repeats the argument", err, fmt.Sprint(string(out)))
		}
	})
}
