//go:build unix

package disk

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// writer is the environment variable that makes the test binary write a file again and again.
const writer = "PTYCHO_TEST_WRITER"

// pieceSize makes one write of the helper long enough that kills happen during it.
const pieceSize = 4 << 20

// TestWrite_KilledWriter checks that a writer killed at any moment leaves a complete file, and that the next writer removes
// its leftovers.
func TestWrite_KilledWriter(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "result")
	left := 0
	for i := range 20 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), writer+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // one complete file
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i) * time.Millisecond / 2)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		text := contents(t, path)
		if len(text) != pieceSize || strings.Trim(text, text[:1]) != "" {
			t.Fatalf("after kill %d the file has %d bytes, with different contents", i, len(text))
		}
		if entries, _ := os.ReadDir(dir); len(entries) > 1 {
			left++
		}
	}
	t.Logf("%d of 20 kills happened during a write", left)
	if err := Write(path, nil); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, "result")
}

// TestWrite_SparesTheLiving checks that a writer does not remove the temporary file of a running one, or other programs'
// files.
func TestWrite_SparesTheLiving(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "result")
	living, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer living.Close()
	for _, name := range []string{".result.old.tmp", ".result.ptycho-0123456789.tmp", ".other.ptycho-0123456789ab.tmp", ".result.ptycho-0123456789ab.tmp"} {
		put(t, filepath.Join(dir, name), "")
	}
	if err := Write(path, []byte("second")); err != nil {
		t.Fatal(err)
	}
	if _, err := living.Write([]byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := living.Commit(); err != nil {
		t.Errorf("the running writer lost its file: %v", err)
	}
	if got := contents(t, path); got != "first" {
		t.Errorf("the file contains %q", got)
	}
	holds(t, dir, ".other.ptycho-0123456789ab.tmp", ".result.old.tmp", ".result.ptycho-0123456789.tmp", "result")
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	SweepIn(root, ".")
	holds(t, dir, ".result.old.tmp", ".result.ptycho-0123456789.tmp", "result")
}

// TestWrite_PermissionsFollowTheUmask checks the permissions of files and folders.
func TestWrite_PermissionsFollowTheUmask(t *testing.T) {
	before := syscall.Umask(0)
	defer syscall.Umask(before)
	for umask, want := range map[int][2]os.FileMode{0o077: {0o600, 0o700}, 0o002: {0o664, 0o775}, 0o022: {0o644, 0o755}} {
		syscall.Umask(umask)
		folder := filepath.Join(t.TempDir(), "a", "b")
		if err := MkdirAll(folder); err != nil {
			t.Fatal(err)
		}
		if err := Write(filepath.Join(folder, "result"), nil); err != nil {
			t.Fatal(err)
		}
		for i, path := range []string{filepath.Join(folder, "result"), folder} {
			st, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if st.Mode().Perm() != want[i] {
				t.Errorf("umask %03o: %s has %v, want %v", umask, path, st.Mode().Perm(), want[i])
			}
		}
	}
}

// TestWrite_FolderThatCannotBeListed checks that a file can be written in a folder that is writable but not readable.
func TestWrite_FolderThatCannotBeListed(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may list every folder")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o300); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700) //nolint:errcheck // TempDir removes it
	if err := Write(filepath.Join(dir, "result"), nil); err != nil {
		t.Error(err)
	}
}
