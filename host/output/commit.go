package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/internal/disk"
)

// journal lists the work of a commit. Once its file exists the new result is committed: the next command that opens the
// folder completes the rest. Names are relative and slash-separated; names of folders end with a slash.
type journal struct {
	Remove []string `json:"remove"` // files and, if empty, folders of the old result that the new result does not have
	Move   []string `json:"move"`   // files and folders of the new result
	Ours   []string `json:"ours"`   // files that the new ones replace
}

// reached is called before every change of a commit. Tests kill the process there.
var reached = func() {}

// Commit replaces the old result by the staged files. The old result is complete until then. A second call does nothing.
func (d *Dir) Commit() error {
	if !d.staged {
		return nil
	}
	err := d.files.move(func() (*os.Root, *list, error) {
		j, err := d.plan()
		if err != nil {
			return nil, nil, err
		}
		reached()
		if err := d.list.Add(j.Move...); err != nil {
			return nil, nil, err
		}
		text, err := json.Marshal(j)
		if err != nil {
			return nil, nil, err
		}
		reached()
		if err := disk.WriteIn(d.root, journalFile, append(text, '\n')); err != nil {
			return nil, nil, err
		}
		d.staged = false // from here on the next command that opens the folder completes the commit
		if err := settle(d.root, j); err != nil {
			return nil, nil, err
		}
		reached()
		d.list.tidy()
		reached()
		root, err := d.root.OpenRoot(".")
		return root, d.list, err
	})
	if err != nil {
		return fmt.Errorf("output folder %s: the result cannot be moved into it: %w", folderName(d.target), err)
	}
	return d.dropPassing()
}

// plan returns the work of a commit. It returns an error if another program has created a file of the same name meanwhile.
func (d *Dir) plan() (journal, error) {
	var j journal
	fresh := map[string]bool{}
	err := fs.WalkDir(d.root.FS(), nextDir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || name == nextDir {
			return err
		}
		name = strings.TrimPrefix(name, nextDir+"/")
		if e.IsDir() {
			name += "/"
		} else if err := syncFile(d.root, path.Join(nextDir, name)); err != nil { // a log may still be open
			return err
		}
		fresh[name] = true
		return nil
	})
	if err != nil {
		return j, err
	}
	var passing map[string]bool
	if d.passing != nil {
		passing = d.passing.names
	}
	for _, name := range sorted(fresh) {
		st, err := d.root.Lstat(strings.TrimSuffix(name, "/"))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return j, err
		case strings.HasSuffix(name, "/") && st.IsDir():
		case d.list.Has(name) || passing[name]:
			j.Ours = append(j.Ours, name)
		default:
			return j, fmt.Errorf("%s was created there by another program meanwhile: move it away", name)
		}
		j.Move = append(j.Move, name)
	}
	old := maps.Clone(d.list.names)
	maps.Copy(old, passing)
	for _, name := range sorted(old) {
		if !fresh[name] {
			j.Remove = append(j.Remove, name)
		}
	}
	return j, nil
}

func syncFile(root *os.Root, name string) error {
	f, err := root.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// settle does the work of a journal, from the beginning or from where a killed command stopped.
func settle(root *os.Root, j journal) error {
	listed, err := listedIn(root)
	if err != nil {
		return err
	}
	touched := map[string]bool{".": true}
	for _, name := range slices.Backward(j.Remove) { // sorted: files before their folder
		if !local(name) || !listed[name] { // an edited journal must not remove other files
			continue
		}
		if folder, ok := strings.CutSuffix(name, "/"); ok {
			reached()
			removeFolder(root, folder)
			continue
		}
		reached()
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		touched[path.Dir(name)] = true
	}
	for _, name := range j.Move { // sorted: folders before their files
		if !local(name) {
			continue
		}
		if folder, ok := strings.CutSuffix(name, "/"); ok {
			reached()
			if err := root.MkdirAll(folder, 0o777); err != nil {
				return err
			}
			touched[folder] = true
			continue
		}
		if err := moveIn(root, name, slices.Contains(j.Ours, name)); err != nil {
			return err
		}
		touched[path.Dir(name)] = true
	}
	for folder := range touched {
		if err := syncFolder(root, folder); err != nil {
			return err
		}
	}
	reached()
	if err := root.Remove(journalFile); err != nil {
		return err
	}
	if err := syncFolder(root, stateDir); err != nil {
		return err
	}
	reached()
	return root.RemoveAll(nextDir)
}

// listedIn returns the names of the files and folders that ptycho wrote, including passing files.
func listedIn(root *os.Root) (map[string]bool, error) {
	listed, _, err := readList(root, listFile)
	if err != nil {
		return nil, err
	}
	passing, _, err := readList(root, passingFile)
	maps.Copy(listed, passing)
	return listed, err
}

// moveIn moves a staged file to its place, unless it was moved already. ours says that an existing file may be replaced.
func moveIn(root *os.Root, name string, ours bool) error {
	staged := path.Join(nextDir, name)
	if _, err := root.Lstat(staged); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := root.Lstat(name); err == nil && !ours {
		return fmt.Errorf("%s was created there by another program meanwhile: move it away", name)
	}
	reached()
	err := root.Rename(staged, name)
	if crosses(err) {
		return copyIn(root, staged, name)
	}
	return err
}

// copyIn moves a file to another file system, such as a volume mounted at a folder of the result.
func copyIn(root *os.Root, staged, name string) error {
	from, err := root.Open(staged)
	if err != nil {
		return err
	}
	defer from.Close()
	err = disk.WriteFromIn(root, name, func(w io.Writer) error {
		_, err := io.Copy(w, from)
		return err
	})
	if err != nil {
		return err
	}
	return root.Remove(staged)
}

func syncFolder(root *os.Root, name string) error {
	err := disk.SyncFolderIn(root, name)
	if errors.Is(err, fs.ErrNotExist) { // removed with its last file
		return nil
	}
	return err
}

// damagedError is the error of a journal that cannot be parsed.
type damagedError struct{ cause error }

func (e *damagedError) Error() string {
	return fmt.Sprintf("%s is damaged (%v): remove it to keep the files as they are", journalFile, e.cause)
}

// readJournal reads the journal of an incomplete commit. It returns nil without a journal.
func readJournal(root *os.Root) (*journal, error) {
	text, err := readPlain(root, journalFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	j := &journal{}
	if err := json.Unmarshal(text, j); err != nil {
		return nil, &damagedError{err}
	}
	return j, nil
}

func sorted(names map[string]bool) []string { return slices.Sorted(maps.Keys(names)) }
