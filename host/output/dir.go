// Package output writes what a command leaves behind: the files of its output folder, among them the image of a reconstruction
// and its pictures. The folder is created at the start and never renamed. The command writes to TARGET/.ptycho/next until its
// result can replace the old one. Then Commit moves the files in one by one, with a journal that any later command completes.
// Only files that ptycho wrote, listed in TARGET/.ptycho/files, are ever removed or replaced. docs/adr/0008-output-folders.md
// has the reasons.
package output

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/internal/disk"
)

// The names of ptycho's files in an output folder.
const (
	stateDir    = ".ptycho"
	lockFile    = stateDir + "/lock"
	listFile    = stateDir + "/files"
	passingFile = stateDir + "/passing" // files that exist only while a command runs
	nextDir     = stateDir + "/next"
	journalFile = stateDir + "/commit.json"

	unfinishedFile = stateDir + "/unfinished" // a command that writes several parts is running, or was killed
)

// Dir is an output folder that this process writes.
type Dir struct {
	target  string
	root    *os.Root
	lock    *os.File
	list    *list
	passing *list // nil until a passing file is written
	files   *Files
	staged  bool
	made    []string // folders that Create created, outermost first
}

// Create prepares an output folder for a new result, which is staged until Commit. It returns the errors of Check, and an
// error if another command writes to the folder.
func Create(r Request) (_ *Dir, err error) {
	defer func() { err = host.Fail(host.ExitUsage, err) }()
	if r, err = r.absolute(); err != nil {
		return nil, err
	}
	if err := settleFolder(r.Target); err != nil { // complete the result of a killed command before the checks
		return nil, err
	}
	if _, err := r.check(); err != nil {
		return nil, err
	}
	d, err := r.open()
	if err != nil {
		return nil, err
	}
	found, err := r.check() // again, now with the lock
	if err == nil {
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

// Open opens an existing folder, where written files appear at once. names are the patterns of ptycho's files, for a folder of
// an earlier version without a list.
func Open(target string, names []string) (_ *Dir, err error) {
	defer func() { err = host.Fail(host.ExitUsage, err) }()
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

// open creates the folder if it is missing, locks it, and removes the leftovers of killed commands.
func (r Request) open() (*Dir, error) {
	d := &Dir{target: r.Target}
	var err error
	for range 10 { // another command may remove a folder that it created and did not use
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

// recover completes the commit of a killed command and removes its other leftovers.
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
	disk.SweepIn(d.root, stateDir)
	disk.SweepIn(d.root, ".")
	for name := range d.list.names {
		if name[len(name)-1] == '/' {
			disk.SweepIn(d.root, filepath.Clean(name))
		}
	}
	root, err := d.root.OpenRoot(".")
	if err != nil {
		return err
	}
	d.files = newFiles(root, d.list)
	return nil
}

// stage redirects writes to the staging folder.
func (d *Dir) stage() error {
	if err := d.root.Mkdir(nextDir, 0o777); err != nil {
		return d.unusable(err)
	}
	root, err := d.root.OpenRoot(nextDir)
	if err != nil {
		return d.unusable(err)
	}
	d.staged = true
	return d.files.move(func() (*os.Root, *list, error) { return root, nil, nil })
}

// begin marks a folder of several parts.
func (d *Dir) begin() error {
	if err := disk.WriteIn(d.root, unfinishedFile, nil); err != nil {
		return d.unusable(err)
	}
	return nil
}

// Finish marks all parts of the folder as written.
func (d *Dir) Finish() error { return d.root.Remove(unfinishedFile) }

// adopt adds the files of a folder of an earlier version to the list.
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

// Path returns the current path of a file, or the path to write it to.
func (d *Dir) Path(name string) string {
	if d.staged {
		name = filepath.Join(nextDir, name)
	}
	return filepath.Join(d.target, name)
}

// Target returns the path of the folder.
func (d *Dir) Target() string { return d.target }

// Files returns the folder for callers that keep files open during a commit.
func (d *Dir) Files() *Files { return d.files }

// Register must be called before files are written by their Path. It returns an error if the target is now another folder, because
// the files would then be in two folders.
func (d *Dir) Register(names ...string) error {
	if err := d.inPlace(); err != nil {
		return err
	}
	if d.staged {
		return nil // Commit finds the files
	}
	return d.list.Add(names...)
}

// inPlace checks that the folder has not been moved since it was opened.
func (d *Dir) inPlace() error {
	open, err := d.root.Stat(".")
	if err != nil {
		return d.unusable(err)
	}
	if there, err := os.Stat(d.target); err != nil || !os.SameFile(open, there) {
		return fmt.Errorf("output folder %s was moved or removed while ptycho wrote to it: the files written so far are in the moved folder", folderName(d.target))
	}
	return nil
}

// WriteFile writes a file of the folder. The name may contain folders.
func (d *Dir) WriteFile(name string, data []byte) error { return d.files.Write(name, data) }

// WriteTable writes a whole CSV file with a header and rows. Writing the hundreds of rows of a run each epoch costs nothing,
// and a resumed run never leaves rows of dropped steps.
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

// writePassing writes a file that appears at once, beside an older result, and is removed when the command ends.
func (d *Dir) writePassing(name string, data []byte) error {
	if d.passing == nil {
		var err error
		if d.passing, err = openList(d.root, passingFile); err != nil {
			return d.cannot(err)
		}
	}
	if err := d.passing.Add(name); err != nil {
		return err
	}
	return disk.WriteIn(d.root, name, data)
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

// Close releases the folder. It removes files that were not committed, and an empty folder that Create created.
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

// abandon removes .ptycho from a folder in which ptycho wrote nothing. It removes the lock last: a command that waits for the
// lock sees that its file is gone and creates a new one.
func (d *Dir) abandon() {
	if _, err := d.root.Lstat(journalFile); err == nil {
		return
	}
	for _, name := range []string{listFile, passingFile, unfinishedFile, lockFile, stateDir} {
		_ = d.root.Remove(name) // a file that stays is harmless
	}
}

// unmake removes the folders that Create created, if they are empty.
func (d *Dir) unmake() {
	for i := range d.made {
		if os.Remove(d.made[len(d.made)-1-i]) != nil {
			return
		}
	}
}

// makeAll creates a folder and its parents. It returns the created folders, or those of an earlier call.
func makeAll(target string, made []string) ([]string, error) {
	var missing []string
	for at := target; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			break
		}
		missing = append([]string{at}, missing...)
	}
	if err := disk.MkdirAll(target); err != nil {
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
		return fmt.Errorf("output folder %s %w: wait until that command has ended, or give another folder", folderName(d.target), err)
	}
	return fmt.Errorf("output folder %s cannot be written: %w", folderName(d.target), cause(err))
}

// cause returns an error without its path, which the message already names.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) && runtime.GOOS != "windows" {
		return p.Err
	}
	return err
}
