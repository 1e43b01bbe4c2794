//go:build unix

package disk

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/internal/machine"
)

func contains(err error, words ...string) bool {
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			return false
		}
	}
	return true
}

// with sets the available memory for one test.
func with(t *testing.T, bytes int64) {
	real := machine.AvailableMemory
	machine.AvailableMemory = func() (int64, bool) { return bytes, true }
	t.Cleanup(func() { machine.AvailableMemory = real })
}

// TestFile_OpenedByOthers checks that another process can read the file at its path until its creator dies, and that the
// path is then gone and no name is left.
func TestFile_OpenedByOthers(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has files without a name that others can open")
	}
	for _, what := range []string{"memory", "disk", "named"} {
		tmp := t.TempDir()
		path, kill := process(t, what, tmp)
		if text, err := os.ReadFile(path); err != nil || string(text) != "content" {
			t.Errorf("%s: %q, %v", what, text, err)
		}
		if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
			t.Errorf("%s: %v, %v, want a regular file", what, st, err)
		}
		if left := entries(t, tmp); what != "named" && len(left) != 0 {
			t.Errorf("%s: %v are on the disk", what, left)
		}
		kill()
		if _, err := os.Stat(path); what != "named" && err == nil {
			t.Errorf("%s: %s is still there after the death", what, path)
		}
	}
}

func TestNewFile_ChoosesByRoom(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("free space is known only on Linux")
	}
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	for _, c := range []struct {
		name     string
		memory   int64
		inMemory bool
	}{{"ample memory", 1 << 30, true}, {"short memory", 100, false}} {
		with(t, c.memory)
		f, err := NewTemporaryFile(64)
		if err != nil {
			t.Fatal(err)
		}
		link, err := os.Readlink(f.Path())
		if err != nil || strings.HasPrefix(link, "/memfd:") != c.inMemory {
			t.Errorf("%s: %s is %q, %v", c.name, f.Path(), link, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if left := entries(t, tmp); len(left) != 0 {
		t.Errorf("%v were not removed", left)
	}
	t.Run("nowhere", func(t *testing.T) {
		if _, err := NewTemporaryFile(1 << 60); err == nil || !contains(err, "1073741824.0 GiB", "memory has 100 bytes", tmp+" has ", "set TMPDIR") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("another folder", func(t *testing.T) {
		other := t.TempDir()
		t.Setenv("TMPDIR", "/nowhere/at/all")
		f, err := NewTemporaryFile(64, other)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if link, _ := os.Readlink(f.Path()); !strings.HasPrefix(link, other) {
			t.Errorf("it is in %q, want %s", link, other)
		}
	})
}

// TestFile_Seal checks that a sealed file cannot be changed by processes that map it.
func TestFile_Seal(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux seals files")
	}
	f, err := NewTemporaryFile(1)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("content"); err != nil {
		t.Fatal(err)
	}
	f.Seal()
	w, err := os.OpenFile(f.Path(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteAt([]byte("x"), 0); err == nil {
		t.Error("a sealed file was written")
	}
	if err := w.Truncate(0); err == nil {
		t.Error("a sealed file was truncated")
	}
}
