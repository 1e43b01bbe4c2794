// Package rundir is the output folder of a command. The folder is made at the start and never renamed. What the command
// writes lies in TARGET/.ptycho/next until it is a result that can take the place of the one that is there; then Commit moves
// it in, file by file, behind a journal that any later command completes. Only files that ptycho wrote, which
// TARGET/.ptycho/files lists, are ever removed or replaced. docs/adr/0008-output-folders.md has the reasons.
package rundir

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/ptychogo/ptycho/host/rundir/place"
	"github.com/ptychogo/ptycho/internal/durable"
)

// The names of ptycho's own part of an output folder.
const (
	ownDir      = ".ptycho"
	lockFile    = ownDir + "/lock"
	listFile    = ownDir + "/files"
	passingFile = ownDir + "/passing" // files that are shown while a command works and go when it ends
	nextDir     = ownDir + "/next"
	journalFile = ownDir + "/commit.json"

	unfinishedFile = ownDir + "/unfinished" // a command that writes several parts works there, or died
)

// Dir is an output folder that this process writes.
type Dir struct {
	target  string
	root    *os.Root
	lock    *os.File
	list    *list
	passing *list // nil until a passing file is written
	files   *place.Folder
	staged  bool
	made    []string // folders that Create made, outermost first
}

// Create prepares an output folder for a new result, which is staged until Commit. It refuses what Check refuses, and a
// folder that another command writes.
func Create(r Request) (*Dir, error) {
	r, err := r.absolute()
	if err != nil {
		return nil, err
	}
	if err := settleFolder(r.Target); err != nil { // the result of a killed command is whole before anything is refused
		return nil, err
	}
	found, err := r.check()
	if err != nil {
		return nil, err
	}
	d, err := r.open()
	if err != nil {
		return nil, err
	}
	if found, err = r.check(); err == nil { // again, now that nobody else writes there
		if len(r.Parts) > 0 {
			err = d.begin()
		} else {
			err = d.stage()
		}
	}
	if err != nil {
		_ = d.Close() // the first error is what counts
		return nil, err
	}
	r.announce(found)
	return d, nil
}

// Open goes on in an existing folder: what is written appears at once. Names are the patterns of files that count as
// ptycho's in a folder of an earlier version, which has no list.
func Open(target string, names []string) (*Dir, error) {
	info, err := os.Stat(target)
	if err != nil {
		return nil, fmt.Errorf("run folder %s: %w", folderName(target), cause(err))
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("run folder %s is a file", folderName(target))
	}
	r, err := Request{Target: target, Writes: names}.absolute()
	if err != nil {
		return nil, err
	}
	d, err := r.open()
	if err != nil {
		return nil, err
	}
	if err := d.adopt(names); err != nil {
		_ = d.Close() // the first error is what counts
		return nil, d.cannot(err)
	}
	return d, nil
}

// open makes the folder where it is missing, locks it, and removes what dead commands left.
func (r Request) open() (*Dir, error) {
	d := &Dir{target: r.Target}
	var err error
	for range 10 { // another command may remove the folder that it made and did not use
		if d.made, err = makeAll(r.Target, d.made); err != nil {
			return nil, d.unusable(err)
		}
		if d.root, err = os.OpenRoot(r.Target); err != nil {
			return nil, d.unusable(err)
		}
		if d.lock, err = lock(d.root); err == nil || !errors.Is(err, fs.ErrNotExist) {
			break
		}
		d.root.Close()
	}
	if err != nil {
		if d.root != nil {
			d.root.Close()
		}
		d.unmake()
		return nil, d.unusable(err)
	}
	if err := d.recover(); err != nil {
		_ = d.Close() // the first error is what counts
		return nil, d.unusable(err)
	}
	return d, nil
}

// recover completes the commit of a dead command and removes what else it left.
func (d *Dir) recover() error {
	j, err := readJournal(d.root)
	if err != nil {
		return err
	}
	if j != nil {
		if err := settle(d.root, *j); err != nil {
			return err
		}
	}
	if err := d.root.RemoveAll(nextDir); err != nil {
		return err
	}
	if _, err := d.root.Lstat(passingFile); err == nil {
		passing, err := openList(d.root, passingFile)
		if err == nil {
			err = errors.Join(passing.clear(), passing.close())
		}
		if err != nil {
			return err
		}
	}
	if d.list, err = openList(d.root, listFile); err != nil {
		return err
	}
	d.list.tidy()
	durable.SweepIn(d.root, ownDir)
	durable.SweepIn(d.root, ".")
	for name := range d.list.names {
		if name[len(name)-1] == '/' {
			durable.SweepIn(d.root, filepath.Clean(name))
		}
	}
	root, err := d.root.OpenRoot(".")
	if err != nil {
		return err
	}
	d.files = place.New(root, d.list)
	return nil
}

// stage directs what is written to the staging folder.
func (d *Dir) stage() error {
	if err := d.root.Mkdir(nextDir, 0o777); err != nil {
		return d.unusable(err)
	}
	root, err := d.root.OpenRoot(nextDir)
	if err != nil {
		return d.unusable(err)
	}
	d.staged = true
	return d.files.Move(func() (*os.Root, place.Ledger, error) { return root, nil, nil })
}

// begin marks a folder of several parts.
func (d *Dir) begin() error {
	if err := durable.WriteIn(d.root, unfinishedFile, nil); err != nil {
		return d.unusable(err)
	}
	return nil
}

// Finish says that all parts of the folder are written.
func (d *Dir) Finish() error { return d.root.Remove(unfinishedFile) }

// adopt lists the files of a folder that an earlier version wrote.
func (d *Dir) adopt(patterns []string) error {
	if len(d.list.names) > 0 {
		return nil
	}
	for _, pattern := range patterns {
		names, err := fs.Glob(d.root.FS(), pattern)
		if err != nil {
			return err
		}
		if err := d.list.Add(names...); err != nil {
			return err
		}
	}
	return nil
}

// Path is where a file lies, or is to be written, now.
func (d *Dir) Path(name string) string {
	if d.staged {
		name = filepath.Join(nextDir, name)
	}
	return filepath.Join(d.target, name)
}

// Target is where the folder is.
func (d *Dir) Target() string { return d.target }

// Files is the folder for those that keep files open while it is committed.
func (d *Dir) Files() *place.Folder { return d.files }

// Own notes that files are about to be written by their Path. It refuses when the path names another folder by now, since
// the files would end up in two.
func (d *Dir) Own(names ...string) error {
	if err := d.inPlace(); err != nil {
		return err
	}
	if d.staged {
		return nil // Commit finds them
	}
	return d.list.Add(names...)
}

// inPlace checks that the folder is where it was when it was opened.
func (d *Dir) inPlace() error {
	open, err := d.root.Stat(".")
	if err != nil {
		return d.unusable(err)
	}
	if there, err := os.Stat(d.target); err != nil || !os.SameFile(open, there) {
		return fmt.Errorf("output folder %s was moved or removed while ptycho wrote there: what it wrote is in the folder, wherever that is now", folderName(d.target))
	}
	return nil
}

// WriteFile writes a file of the folder; name may lie in a folder of it.
func (d *Dir) WriteFile(name string, data []byte) error { return d.files.Write(name, data) }

// WriteTable writes a CSV file as a whole: a header and rows. Runs have hundreds of rows, so that writing all of them
// each epoch costs nothing, and a resumed run never leaves rows of steps that were not kept.
func (d *Dir) WriteTable(name string, header []string, rows [][]string) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(header); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := w.WriteAll(rows); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return d.files.Write(name, b.Bytes())
}

// WritePassing writes a file that is seen at once, beside an older result, and goes when the command ends.
func (d *Dir) WritePassing(name string, data []byte) error {
	if d.passing == nil {
		var err error
		if d.passing, err = openList(d.root, passingFile); err != nil {
			return d.cannot(err)
		}
	}
	if err := d.passing.Add(name); err != nil {
		return err
	}
	return durable.WriteIn(d.root, name, data)
}

// dropPassing removes the passing files.
func (d *Dir) dropPassing() error {
	if d.passing == nil {
		return nil
	}
	err := errors.Join(d.passing.clear(), d.passing.close())
	d.passing = nil
	return err
}

// Close releases the folder. What was not committed is removed, and so is a folder that Create made and that is empty.
func (d *Dir) Close() error {
	if d.root == nil {
		return nil
	}
	var errs []error
	if d.files != nil {
		errs = append(errs, d.files.Close())
	}
	if d.staged {
		errs = append(errs, d.root.RemoveAll(nextDir))
	}
	errs = append(errs, d.dropPassing())
	unused := false
	if d.list != nil {
		unused = len(d.list.names) == 0
		errs = append(errs, d.list.close())
	}
	if unused {
		d.abandon()
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	errs = append(errs, d.root.Close())
	if unused {
		d.unmake()
	}
	d.root = nil
	return errors.Join(errs...)
}

// abandon removes ptycho's own part of a folder in which it wrote nothing. The lock goes last: whoever waits for it finds
// that its name is gone and takes a new one.
func (d *Dir) abandon() {
	if _, err := d.root.Lstat(journalFile); err == nil {
		return
	}
	for _, name := range []string{listFile, passingFile, unfinishedFile, lockFile, ownDir} {
		_ = d.root.Remove(name) // what stays is harmless and counts as nothing
	}
}

// unmake removes the folders that Create made, as far as they are empty.
func (d *Dir) unmake() {
	for i := range d.made {
		if os.Remove(d.made[len(d.made)-1-i]) != nil {
			return
		}
	}
}

// makeAll makes a folder with those above it and gives those that it made, after those that were made before.
func makeAll(target string, made []string) ([]string, error) {
	var missing []string
	for at := target; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			break
		}
		missing = append([]string{at}, missing...)
	}
	if err := durable.MkdirAll(target); err != nil {
		return made, err
	}
	if len(made) > 0 {
		return made, nil
	}
	return missing, nil
}

func (d *Dir) cannot(err error) error {
	return fmt.Errorf("run folder %s: %w", folderName(d.target), cause(err))
}

func (d *Dir) unusable(err error) error {
	if errors.Is(err, errBusy) {
		return fmt.Errorf("output folder %s %w: wait until it has ended, or give another folder", folderName(d.target), err)
	}
	return fmt.Errorf("output folder %s cannot be written: %w", folderName(d.target), cause(err))
}

// cause is an error without a path that the message names already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) && runtime.GOOS != "windows" {
		return p.Err
	}
	return err
}
