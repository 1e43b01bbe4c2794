package output

import (
	"errors"
	"io/fs"
	"os"

	"github.com/ptychogo/ptycho/internal/disk"
)

// errBusy completes a sentence that names the folder.
var errBusy = errors.New("is in use by another ptycho command")

// checkOwn returns an error if .ptycho is not a folder.
func checkStateDir(root *os.Root) error {
	if st, err := root.Lstat(stateDir); err == nil && !st.IsDir() {
		return errors.New(stateDir + " in it is not a folder: move it away")
	}
	return nil
}

// lock takes the lock of an output folder. The system releases the lock at any end of the process. If the folder was removed
// meanwhile the error is fs.ErrNotExist. On a file system without locks nothing is locked.
func lock(root *os.Root) (*os.File, error) {
	for {
		if err := root.Mkdir(stateDir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if err := checkStateDir(root); err != nil {
			return nil, err
		}
		if st, err := root.Lstat(lockFile); err == nil && !st.Mode().IsRegular() {
			return nil, errors.New(lockFile + " in it is not a regular file: remove it")
		}
		f, err := root.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o666)
		if errors.Is(err, fs.ErrNotExist) {
			if _, err := root.Stat("."); err != nil {
				return nil, err
			}
			if _, err := os.Lstat(root.Name()); err != nil { // the open folder was removed
				return nil, err
			}
			continue // another command has just removed .ptycho
		}
		if err != nil {
			return nil, err
		}
		held, err := disk.TryLock(f)
		if err == nil && !held {
			f.Close()
			return nil, errBusy
		}
		if there, err := root.Lstat(lockFile); err == nil {
			if open, err := f.Stat(); err == nil && os.SameFile(there, open) {
				return f, nil
			}
		}
		f.Close() // the file was removed between its opening and its lock
	}
}
