package dataset

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/host"
)

// TestCreate_FullDiskIsNotAFaultOfTheData writes a scan, and bytes of a conversion, to files that take no more bytes.
func TestCreate_FullDiskIsNotAFaultOfTheData(t *testing.T) {
	simulated, err := simulate.New(t.Context(), simulate.Options{N: 32, Patterns: 20, Photons: 1e5})
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func(f *newScan) error{
		"npz": func(f *newScan) error { return f.write(simulated.AsRead(), format.Counts) },
		"HDF5": func(f *newScan) error {
			_, err := f.Write(make([]byte, 1<<16))
			return f.failure(err)
		},
	} {
		path := filepath.Join(t.TempDir(), "scan")
		f, err := create("convert", path, false)
		if err != nil {
			t.Fatal(err)
		}
		full := limitFiles(t, 1<<10)
		err = write(f)
		full()
		if host.ExitCode(err) != host.ExitOther || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "cannot be written: file too large") {
			t.Errorf("%s: exit code %d: %v", name, host.ExitCode(err), err)
		}
		f.Close()
		if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 0 {
			t.Errorf("%s: %v is left", name, left)
		}
	}
}

// TestNeedsRoom_LimitOfTheShell: another folder does not help where the shell limits the size of files.
func TestNeedsRoom_LimitOfTheShell(t *testing.T) {
	limited := needsRoom(&os.PathError{Op: "write", Path: "x", Err: syscall.EFBIG}).Error()
	if !strings.Contains(limited, "ulimit -f") || strings.Contains(limited, "TMPDIR") {
		t.Error(limited)
	}
	if full := needsRoom(syscall.ENOSPC).Error(); !strings.Contains(full, "TMPDIR") {
		t.Error(full)
	}
}

// limitFiles limits the size of files of this process. Go ignores the signal of a write beyond it. The result ends the limit.
func limitFiles(t *testing.T, bytes uint64) func() {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limited := before
	limited.Cur = bytes
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limited); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
	}
}
