// Package rundir is the output directory of a command. It appears when there is something to keep: files are first
// written beside it, and Commit moves them to their place in one rename. A directory that holds something else is
// refused, or replaced as a whole; nothing is ever half overwritten.
package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Dir is an output directory.
type Dir struct {
	target    string
	path      string // where files go now: beside the target until Commit
	overwrite bool
	lock      *os.File
}

// Check says whether an output directory can be made there. One that is not empty is an error unless overwrite is set.
func Check(target string, overwrite bool) error {
	entries, err := os.ReadDir(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("output directory %s cannot be used: %w", target, err)
	case len(entries) > 0 && !overwrite:
		return fmt.Errorf("output directory %s is not empty: give another --output-dir, or --overwrite to replace it", target)
	}
	return nil
}

// Create prepares an output directory. One that is not empty is an error unless overwrite is set.
func Create(target string, overwrite bool) (*Dir, error) {
	target, err := filepath.Abs(target)
	if err != nil {
		return nil, fmt.Errorf("output directory %s: %w", target, err)
	}
	if err := Check(target, overwrite); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
		return nil, fmt.Errorf("output directory %s: %w", target, err)
	}
	path, err := os.MkdirTemp(filepath.Dir(target), "."+filepath.Base(target)+".starting-")
	if err != nil {
		return nil, fmt.Errorf("output directory %s: %w", target, err)
	}
	if err := os.Chmod(path, 0o755); err != nil { // MkdirTemp keeps it private
		return nil, fmt.Errorf("output directory %s: %w", target, err)
	}
	return &Dir{target: target, path: path, overwrite: overwrite}, nil
}

// Open goes on in an existing directory.
func Open(target string) (*Dir, error) {
	info, err := os.Stat(target)
	if err != nil {
		return nil, fmt.Errorf("run directory %s: %w", target, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("run directory %s is a file", target)
	}
	target, err = filepath.Abs(target)
	if err != nil {
		return nil, fmt.Errorf("run directory %s: %w", target, err)
	}
	d := &Dir{target: target, path: target}
	return d, d.hold()
}

// Path is where files are to be written now.
func (d *Dir) Path(name string) string { return filepath.Join(d.path, name) }

// Target is where the directory is, or will be.
func (d *Dir) Target() string { return d.target }

// Commit moves the directory to its place, once.
func (d *Dir) Commit() error {
	if d.path == d.target {
		return nil
	}
	if !d.overwrite {
		// Another run may have taken the place since Create looked: only an empty directory gives way.
		if err := os.Remove(d.target); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("output directory %s is not empty any more, another run has taken it: %w", d.target, err)
		}
		if err := os.Rename(d.path, d.target); err != nil {
			return fmt.Errorf("output directory %s: %w", d.target, err)
		}
		d.path = d.target
		return d.hold()
	}
	if _, err := os.Stat(d.target); err == nil { // a run that goes on in it is not overwritten
		running, err := Open(d.target)
		if err != nil {
			return err
		}
		defer running.Close()
	}
	old := d.path + ".replaced"
	err := os.Rename(d.target, old)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("output directory %s: %w", d.target, err)
	}
	if err := os.Rename(d.path, d.target); err != nil {
		if restore := os.Rename(old, d.target); restore != nil && !errors.Is(restore, fs.ErrNotExist) {
			return fmt.Errorf("output directory %s: %w; what was there is now %s", d.target, err, old)
		}
		return fmt.Errorf("output directory %s: %w", d.target, err)
	}
	d.path = d.target
	if err := os.RemoveAll(old); err != nil {
		return fmt.Errorf("output directory %s: what it replaced cannot be removed: %w", d.target, err)
	}
	return d.hold()
}

// Close releases the directory. What was not committed is removed.
func (d *Dir) Close() error {
	var err error
	if d.lock != nil {
		err = d.lock.Close()
		d.lock = nil
	}
	if d.path != d.target {
		err = errors.Join(err, os.RemoveAll(d.path))
	}
	return err
}
