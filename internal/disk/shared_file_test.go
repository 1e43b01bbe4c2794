//go:build linux

package disk

import (
	"os"
	"path/filepath"
	"testing"
)

// more is more than any memory or disk has.
const more = 1 << 60

// TestOpenInPlace_OnlyIfCopyGainsNothing asks for a copy that fits in memory, and for one that fits nowhere.
func TestOpenInPlace_OnlyIfCopyGainsNothing(t *testing.T) {
	name := filepath.Join(t.TempDir(), "scan")
	if err := os.WriteFile(name, []byte("patterns"), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := OpenInPlace(name, 8); f != nil || err != nil {
		t.Errorf("a copy of 8 bytes is not made: %v, %v", f, err)
	}
	f, err := OpenInPlace(name, more)
	if f == nil || err != nil {
		t.Fatalf("a copy that has no room is made: %v", err)
	}
	defer f.Close()
	there, err := os.ReadFile(f.Path())
	if string(there) != "patterns" || err != nil {
		t.Errorf("%s has %q, %v", f.Path(), there, err)
	}
	if _, err := f.WriteAt([]byte("x"), 0); err == nil {
		t.Error("the file can be written to")
	}
	if f.Modified() {
		t.Error("the file counts as modified")
	}
	if err := os.WriteFile(name, []byte("pattern"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !f.Modified() {
		t.Error("a shorter file counts as unmodified")
	}
}

func TestCopyGainsNothing_OnTheSameFileSystem(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	st, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.Stat("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	// The smallest file that is not kept in memory.
	size, last := int64(1), int64(more)
	for size < last {
		if middle := size + (last-size)/2; fitsMemory(middle) {
			size = middle + 1
		} else {
			last = middle
		}
	}
	size += size / 4 // the available memory changes
	if free, ok := room(dir); !ok || free < size {
		t.Skip("needs a temporary folder with more room than a quarter of the memory")
	}
	if !copyGainsNothing(st, size, nil) {
		t.Error("a file of the file system of TMPDIR is copied there")
	}
	if copyGainsNothing(other, size, nil) {
		t.Error("a file of another file system stays there")
	}
}
