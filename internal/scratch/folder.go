// Package scratch creates temporary files and folders that do not outlive their process.
//
// A Folder contains a file "lock" that its process keeps locked (flock). The system releases the lock when the process
// ends, so Sweep removes exactly the folders whose lock is not held. Process numbers are not used, because the owner may
// run in another container that shares the temporary folder.
//
// A File has no name in any folder where the system allows it (Linux), so that it never outlives its process.
package scratch

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

// Folder is a temporary folder that is removed with its process, at the latest by the next Sweep. It must stay referenced
// while the folder is used.
type Folder struct {
	path string
	lock *os.File
}

// attempts limits the retries when a Sweep removes a folder before its owner has locked it.
const attempts = 100

// New creates a folder in parent ("": the system's temporary folder) that only this user can access.
func New(parent string) (*Folder, error) {
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
			return &Folder{path, lock}, nil
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
func (f *Folder) Path() string { return f.path }

// Remove removes the folder with its contents. For a nil Folder it does nothing.
func (f *Folder) Remove() error {
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

// Sweep removes the folders that dead processes of this user left in parents, which may be missing. Folders of running
// processes are not touched. Failed removals are left to the next Sweep.
func Sweep(parents ...string) {
	for _, parent := range parents {
		entries, err := os.ReadDir(parent)
		if err != nil {
			continue
		}
		for _, e := range entries {
			digits, ours := strings.CutPrefix(e.Name(), prefix)
			if ours && e.IsDir() && digits != "" && strings.Trim(digits, "0123456789") == "" {
				sweep(filepath.Join(parent, e.Name()))
			}
		}
	}
}
