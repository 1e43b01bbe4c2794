package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/internal/disk"
)

// patience limits the wait for a commit of a running command, which takes milliseconds unless the disk is slow.
const patience = 10 * time.Second

// depth is the greatest depth of a file on a command line below its output folder: checkpoints/step-00000001.npz.
const depth = 2

// Settle completes an incomplete commit of a killed command in the output folder of a path, which is the path itself or a
// folder above it. Call it before reading there. If it cannot complete the commit, its error says what to do and has the
// exit code for data.
func Settle(paths ...string) error {
	for _, given := range paths {
		if given == "" {
			continue
		}
		at, err := filepath.Abs(given)
		if err != nil {
			continue // the reader of the path reports the error
		}
		if real, err := filepath.EvalSymlinks(at); err == nil {
			at = real
		}
		for range 1 + depth {
			if err := settleFolder(at); err != nil {
				return host.Fail(host.ExitData, err)
			}
			at = filepath.Dir(at)
		}
	}
	return nil
}

func settleFolder(folder string) error {
	pending := func() bool {
		_, err := os.Lstat(filepath.Join(folder, journalFile))
		return err == nil
	}
	if !pending() {
		return nil
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("output folder %s: %w", folderName(folder), cause(err))
	}
	defer root.Close()
	for end := time.Now().Add(patience); pending(); time.Sleep(patience / 1000) {
		err := settleRoot(root)
		switch {
		case err == nil, !pending():
			return nil
		case errors.Is(err, errBusy) && time.Now().Before(end):
		case errors.Is(err, errBusy):
			return fmt.Errorf("output folder %s %w: wait until that command has ended", folderName(folder), err)
		case errors.As(err, new(*damagedError)):
			return fmt.Errorf("output folder %s: %w", folderName(folder), err)
		default:
			return fmt.Errorf("output folder %s: a command was killed while it moved its result there, and the rest cannot be completed (%w): make the folder writable, or read a copy of it", folderName(folder), cause(err))
		}
	}
	return nil
}

func settleRoot(root *os.Root) error {
	f, err := root.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	if held, err := disk.TryLock(f); err == nil && !held {
		return errBusy
	}
	j, err := readJournal(root)
	if err != nil || j == nil {
		return err
	}
	if err := settle(root, *j); err != nil {
		return err
	}
	l, err := openList(root, listFile)
	if err != nil {
		return err
	}
	l.tidy()
	return l.close()
}

// Interrupted reports whether a folder contains only the leftovers of a command that was killed before its result.
func Interrupted(target string) bool {
	if st, err := os.Stat(target); err != nil || !st.IsDir() { // opening a FIFO would wait for a writer
		return false
	}
	root, err := os.OpenRoot(target)
	if err != nil {
		return false
	}
	defer root.Close()
	if _, err := root.Lstat(stateDir); errors.Is(err, fs.ErrNotExist) {
		return false
	}
	c, err := examine(root)
	return err == nil && len(c.entries) == 0
}
