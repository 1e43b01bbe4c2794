//go:build unix

package plugin

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
)

// forking writes a plugin that starts a child, which holds the plugin's outputs open, and then runs more code.
func forking(t *testing.T, then string) (path, pidFile string) {
	t.Helper()
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	path, pidFile = filepath.Join(folder, "plugin"), filepath.Join(folder, "pid")
	script := "#!/bin/sh\nsleep 300 &\necho $! > " + pidFile + "\n" + then + "\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	return path, pidFile
}

// gone waits until the child has ended.
func gone(t *testing.T, pidFile string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux lets the host end the children of a plugin that has ended")
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if stat, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); strings.Contains(string(stat), ") Z ") {
			return // ended, but not reaped
		}
		if time.Now().After(end) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatal("a child of the plugin is left")
		}
	}
}

// The host detects the end of a plugin although a child holds its outputs open, even a child in another group.
func TestStart_PluginEndsWithChildren(t *testing.T) {
	for name, then := range map[string]string{"child": "exit 3", "own group": "command -v setsid >/dev/null && setsid sleep 20 & exit 3"} {
		t.Run(name, func(t *testing.T) {
			path, pidFile := forking(t, then)
			began := make(chan error, 1)
			go func() {
				_, err := Start(context.Background(), Spec{Path: path, StartTimeout: 5 * time.Minute})
				began <- err
			}()
			select {
			case err := <-began:
				wantKind(t, err, backend.Crashed, "ended before it was ready", "exit status 3")
			case <-time.After(time.Minute):
				t.Fatal("waits for the outputs of a child")
			}
			gone(t, pidFile)
		})
	}
}

// The end of the context cancels the start and kills the plugin with its children.
func TestStart_CancelledWithChildren(t *testing.T) {
	path, pidFile := forking(t, "sleep 300")
	ctx, cancel := context.WithCancel(context.Background())
	began := make(chan error, 1)
	go func() {
		_, err := Start(ctx, Spec{Path: path, StartTimeout: 5 * time.Minute})
		began <- err
	}()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if text, _ := os.ReadFile(pidFile); len(text) > 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the plugin was not started")
		}
	}
	cancel()
	select {
	case err := <-began:
		wantKind(t, err, backend.Cancelled)
	case <-time.After(time.Minute):
		t.Fatal("a cancelled start goes on")
	}
	gone(t, pidFile)
}

// A plugin that closes its standard output is rejected at once, and the error does not mention a time limit.
func TestStart_ClosedOutputNamed(t *testing.T) {
	path, _ := forking(t, "exec sleep 300 >&-")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.ReplaceAll(string(text), "sleep 300 &\n", "sleep 300 >&- &\n"))
	if err := os.WriteFile(path, text, 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	_, err = Start(context.Background(), Spec{Path: path, StartTimeout: 5 * time.Minute})
	wantKind(t, err, backend.Unsupported, "closed its standard output before the handshake")
}
