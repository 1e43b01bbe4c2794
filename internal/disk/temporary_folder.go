package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// prefix is the start of the name of every Folder; digits follow. Other folders are never touched.
const prefix = "ptycho-scratch-"

// lockName is the file in a Folder whose lock its process holds.
const lockName = "lock"

// TemporaryFolder is a folder that is removed with its process, at the latest by the next SweepTemporary. It must stay referenced
// while the folder is used.
type TemporaryFolder struct {
	path string
	lock *os.File
}

// attempts limits the retries when a Sweep removes a folder before its owner has locked it.
const attempts = 100

// NewTemporaryFolder creates a folder in parent ("": the system's temporary folder) that only this user can access.
func NewTemporaryFolder(parent string) (*TemporaryFolder, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	for range attempts {
		path, err := os.MkdirTemp(parent, prefix)
		if err != nil {
			return nil, folderError(parent, err)
		}
		lock, err := hold(filepath.Join(path, lockName))
		if err == nil {
			return &TemporaryFolder{path, lock}, nil
		}
		if !errors.Is(err, errSwept) {
			_ = os.RemoveAll(path)
			return nil, folderError(parent, err)
		}
	}
	return nil, folderError(parent, errSwept)
}

// errSwept reports that a Sweep removed a folder between its creation and its lock.
var errSwept = errors.New("other processes remove each new folder")

func folderError(parent string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	err = fmt.Errorf("cannot create a temporary folder in %s: %w", parent, err)
	if parent == os.TempDir() {
		err = fmt.Errorf("%w; set TMPDIR to a writable folder", err)
	}
	return err
}

// Path returns the path of the folder.
func (f *TemporaryFolder) Path() string { return f.path }

// Remove removes the folder with its contents. For a nil Folder it does nothing.
func (f *TemporaryFolder) Remove() error {
	if f == nil {
		return nil
	}
	err := removeLocked(f.path)
	f.lock.Close() // only after the folder is gone, because the lock protects it
	return err
}

// removeLocked removes a folder whose lock the caller holds. The lock file is removed last, so that the next Sweep
// completes an interrupted removal.
func removeLocked(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if e.Name() != lockName {
			errs = append(errs, os.RemoveAll(filepath.Join(path, e.Name())))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(path, lockName)); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // a Sweep may have removed it, empty
		return err
	}
	return nil
}

// SweepTemporary removes the folders that dead processes of this user left in parents, which may be missing. Folders of running
// processes are not touched. Failed removals are left to the next SweepTemporary.
func SweepTemporary(parents ...string) {
	for _, parent := range parents {
		entries, err := os.ReadDir(parent)
		if err != nil {
			continue
		}
		for _, e := range entries {
			digits, ours := strings.CutPrefix(e.Name(), prefix)
			if ours && e.IsDir() && digits != "" && strings.Trim(digits, "0123456789") == "" {
				sweepTemporary(filepath.Join(parent, e.Name()))
			}
		}
	}
}
