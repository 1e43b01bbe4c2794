//go:build unix

package disk

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ptychogo/ptycho/internal/machine"
)

// helperKey makes this test binary a process to be killed: it does what the variable says, prints a path and waits.
const helperKey = "SCRATCH_TEST_HELPER"

var held []any // objects that a helper keeps open

// help never returns.
func help(what string) {
	var path string
	var err error
	switch what {
	case "folder":
		var f *TemporaryFolder
		if f, err = NewTemporaryFolder(""); err == nil {
			held, path = append(held, f), f.Path()
			err = os.WriteFile(filepath.Join(path, "data"), []byte("left"), 0o600)
		}
	case "folder without a lock": // killed between the two
		path, err = os.MkdirTemp("", prefix)
	case "memory", "disk":
		if what == "disk" {
			machine.AvailableMemory = func() (int64, bool) { return 0, true }
		}
		var f *TemporaryFile
		if f, err = NewTemporaryFile(1); err == nil {
			path = f.Path()
			_, err = f.WriteString("content")
			held = append(held, f)
		}
	case "named":
		var f *TemporaryFile
		if f, err = named(os.TempDir()); err == nil {
			path = f.Path()
			_, err = f.WriteString("content")
			held = append(held, f)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(path)
	time.Sleep(time.Hour) // until it is killed
	runtime.KeepAlive(held)
}

// process starts a helper with a temporary folder and returns the path that it printed and how to kill it.
func process(t *testing.T, what, tmp string) (path string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperKey+"="+what, "TMPDIR="+tmp)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() { cmd.Process.Kill(); cmd.Wait() })
	t.Cleanup(kill)
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("helper %q printed nothing", what)
	}
	return lines.Text(), kill
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

// TestSweep_RemovesTheDeadKeepsTheLiving checks that after a kill only a folder is left, that the next sweep removes it,
// and that a running process's folder is kept.
func TestSweep_RemovesTheDeadKeepsTheLiving(t *testing.T) {
	for _, what := range []string{"folder", "folder without a lock", "memory", "disk", "named"} {
		tmp := t.TempDir()
		living, stop := process(t, "folder", tmp)
		_, kill := process(t, what, tmp)
		kill()
		SweepTemporary(tmp, filepath.Join(tmp, "absent"))
		if left := entries(t, tmp); len(left) != 1 || left[0] != filepath.Base(living) {
			t.Errorf("%s: after a kill and a sweep %v are left, want only %s", what, left, filepath.Base(living))
		}
		if got := entries(t, living); len(got) != 2 {
			t.Errorf("%s: the folder of the running process contains %v", what, got)
		}
		stop()
		SweepTemporary(tmp)
		if left := entries(t, tmp); len(left) != 0 {
			t.Errorf("%s: after all processes have ended %v are left", what, left)
		}
	}
}

// TestSweep_KeepsFoldersOfOthers checks that folders of other programs are kept, whatever their names.
func TestSweep_KeepsFoldersOfOthers(t *testing.T) {
	tmp := t.TempDir()
	for _, name := range []string{"ptycho-scratch-", "ptycho-scratch-mine", "ptycho-scratch-12x", "ptycho-data", "xptycho-scratch-1"} {
		if err := os.Mkdir(filepath.Join(tmp, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tmp, name, lockName), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	full := filepath.Join(tmp, "ptycho-scratch-77") // without a lock but with contents
	if err := os.Mkdir(full, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(full, "notes"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(tmp, "ptycho-scratch-78") // its lock is a pipe: opening it must not block
	if err := os.Mkdir(pipe, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(pipe, lockName), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(full, filepath.Join(tmp, "ptycho-scratch-79")); err != nil {
		t.Fatal(err)
	}
	SweepTemporary(tmp)
	if left := entries(t, tmp); len(left) != 8 {
		t.Errorf("%v are left, want all 8", left)
	}
}

// TestSweep_RacesWithNew checks that a sweep never removes a folder of a running process, not even between its creation and
// its lock.
func TestSweep_RacesWithNew(t *testing.T) {
	tmp := t.TempDir()
	stop := make(chan struct{})
	var sweeps, makers sync.WaitGroup
	for range 3 {
		sweeps.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					SweepTemporary(tmp)
				}
			}
		})
	}
	for range 4 {
		makers.Go(func() {
			for range 300 {
				f, err := NewTemporaryFolder(tmp)
				if err != nil {
					t.Error(err)
					return
				}
				name := filepath.Join(f.Path(), "data")
				if err := os.WriteFile(name, nil, 0o600); err != nil {
					t.Errorf("the folder of a running process: %v", err)
				}
				if _, err := os.Stat(name); err != nil {
					t.Errorf("the folder of a running process: %v", err)
				}
				if err := f.Remove(); err != nil {
					t.Errorf("remove: %v", err)
				}
			}
		})
	}
	makers.Wait()
	close(stop)
	sweeps.Wait()
	if left := entries(t, tmp); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
}

func TestNew_NamesTheFolder(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	if _, err := NewTemporaryFolder(absent); err == nil || !contains(err, absent, "no such file") || contains(err, "TMPDIR") {
		t.Errorf("error %v", err)
	}
	t.Setenv("TMPDIR", absent)
	if _, err := NewTemporaryFolder(""); err == nil || !contains(err, absent, "no such file", "TMPDIR") {
		t.Errorf("error %v", err)
	}
}
