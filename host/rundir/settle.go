package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ptychogo/ptycho/internal/durable"
)

// patience is how long a reader waits for a commit of a living command, which takes milliseconds unless the disk is slow.
const patience = 10 * time.Second

// depth is how far below an output folder the files lie that are named on command lines: checkpoints/step-00000001.npz.
const depth = 2

// Settle completes a commit that a killed command left in the output folder that a path names, or in which it lies, before
// somebody reads there. It says what to do where it cannot. A path without a commit to complete is left as it is.
func Settle(paths ...string) error {
	for _, given := range paths {
		if given == "" {
			continue
		}
		at, err := filepath.Abs(given)
		if err != nil {
			continue // whoever reads it says what is wrong
		}
		if real, err := filepath.EvalSymlinks(at); err == nil {
			at = real
		}
		for range 1 + depth {
			if err := settleFolder(at); err != nil {
				return err
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
			return fmt.Errorf("output folder %s %w: wait until it has ended", folderName(folder), err)
		case errors.As(err, new(*damagedError)):
			return fmt.Errorf("output folder %s: %w", folderName(folder), err)
		default:
			return fmt.Errorf("output folder %s: a command was killed while it put its result there, and the rest cannot be done now (%w): make the folder writable, or read a copy of it", folderName(folder), cause(err))
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
	if held, err := durable.TryLock(f); err == nil && !held {
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

// Interrupted says whether a folder holds nothing but what a command left that was killed before it had a result.
func Interrupted(target string) bool {
	if st, err := os.Stat(target); err != nil || !st.IsDir() { // opening a FIFO would wait for a writer
		return false
	}
	root, err := os.OpenRoot(target)
	if err != nil {
		return false
	}
	defer root.Close()
	if _, err := root.Lstat(ownDir); errors.Is(err, fs.ErrNotExist) {
		return false
	}
	c, err := examine(root)
	return err == nil && len(c.entries) == 0
}
