//go:build unix

package output

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A FIFO in the place of a list, a journal or a table would block a reader for ever.
func TestOpen_RefusesFIFOs(t *testing.T) {
	for _, name := range []string{listFile, journalFile, passingFile, lockFile} {
		target := filepath.Join(t.TempDir(), "run")
		write(t, target, false, oldResult)
		if err := os.Remove(filepath.Join(target, name)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		must(t, syscall.Mkfifo(filepath.Join(target, name), 0o600))
		if _, err := Create(Request{Target: target, Overwrite: true, Writes: writes}); err == nil || !strings.Contains(err.Error(), "is not a regular file") {
			t.Errorf("%s: a writer got %v", name, err)
		}
	}
	d, err := Open(t.TempDir(), nil)
	must(t, err)
	defer d.Close()
	must(t, syscall.Mkfifo(filepath.Join(d.Target(), "steps.csv"), 0o600))
	if _, err := d.Files().Read("steps.csv"); err == nil {
		t.Error("a FIFO was read")
	}
	if f, err := d.Files().Open("steps.csv"); err == nil {
		f.Close()
		t.Error("a FIFO was opened to read")
	}
	if f, err := d.Files().Update("steps.csv"); err == nil {
		f.Close()
		t.Error("a FIFO was opened to write")
	}
}

// A run whose folder is moved does not continue in a second folder under the old name.
func TestDir_MovedAway(t *testing.T) {
	target := filepath.Join(t.TempDir(), "run")
	must(t, os.Mkdir(target, 0o755))
	d, err := Open(target, nil)
	must(t, err)
	defer d.Close()
	must(t, d.Register("weights.npz"))
	must(t, os.Rename(target, target+"-moved"))
	if err := d.Register("manifest.json"); err == nil || !strings.Contains(err.Error(), "was moved or removed") {
		t.Errorf("after a move: %v", err)
	}
	must(t, os.Mkdir(target, 0o755)) // another folder under the old name
	if err := d.Register("manifest.json"); err == nil {
		t.Error("another folder was taken for the run's")
	}
}
