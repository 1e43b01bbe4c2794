package disk_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/ptychogo/ptycho/internal/disk"
)

// TestWriteAtIn_IsWholeOrAbsent writes the end of a file before its beginning, and then fails in the middle of another.
func TestWriteAtIn_IsWholeOrAbsent(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	write := func(fail error) error {
		return disk.WriteAtIn(root, "parts", func(w io.WriterAt) error {
			for _, part := range []struct {
				text string
				at   int64
			}{{"end", 5}, {"begin", 0}} {
				if _, err := w.WriteAt([]byte(part.text), part.at); err != nil {
					return err
				}
			}
			return fail
		})
	}
	if err := write(nil); err != nil {
		t.Fatal(err)
	}
	if err := write(errors.New("cut off")); err == nil {
		t.Error("a failed write was reported as done")
	}
	b, err := os.ReadFile(filepath.Join(dir, "parts"))
	if err != nil || string(b) != "beginend" {
		t.Errorf("%q, %v", b, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}
