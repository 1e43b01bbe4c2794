//go:build unix

package disk

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// within fails the test when f has not returned after a long time.
func within(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("the call blocks")
	}
}

func TestOpen_RefusesWhatIsNotARegularFile(t *testing.T) {
	dir := t.TempDir()
	fifo, socket, link := filepath.Join(dir, "fifo"), filepath.Join(dir, "s"), filepath.Join(dir, "link")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Symlink(fifo, link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{fifo: "a pipe (FIFO)", link: "a pipe (FIFO)", socket: "a socket", dir: "a folder", "/dev/zero": "a device"} {
		within(t, func() {
			_, _, err := Open(path)
			var k *KindError
			if !errors.As(err, &k) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: error %v, want one that says %q", path, err, want)
			}
		})
	}
}

// TestOpen_NeverBlocksOnAChangedPath changes the path between the check and the open.
func TestOpen_NeverBlocksOnAChangedPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	stop := make(chan struct{})
	changed := make(chan struct{})
	go func() {
		defer close(changed)
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Remove(path)
			_ = os.WriteFile(path, []byte("x"), 0o600)
			_ = os.Remove(path)
			_ = syscall.Mkfifo(path, 0o600)
		}
	}()
	within(t, func() {
		for range 3000 {
			if f, st, err := Open(path); err == nil {
				if !st.Mode().IsRegular() {
					t.Errorf("a file of mode %v was opened", st.Mode())
				}
				f.Close()
			}
		}
	})
	close(stop)
	<-changed
}

func TestRead_RefusesLargeFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := Read(path, 5); err != nil || string(b) != "12345" {
		t.Errorf("read %q, %v", b, err)
	}
	if _, err := Read(path, 4); err == nil || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "larger than 4 bytes") {
		t.Errorf("error %v for a file that is too large", err)
	}
}
