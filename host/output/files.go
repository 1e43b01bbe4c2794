package output

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/ptychogo/ptycho/internal/disk"
)

// Files writes the files below a folder that can move while they are open: the files of a run are in a staging folder until
// they replace an older result. The methods may be called by several goroutines, and wait during a move.
type Files struct {
	*anchor
	below string // the path from the anchor, "" for the anchor itself
}

// anchor is the common part of a folder and its subfolders.
type anchor struct {
	mu   sync.RWMutex
	root *os.Root
	list *list // of the files that ptycho wrote; nil: none is kept
}

// newFiles returns the Files of an open root, which it will close. The list may be nil.
func newFiles(root *os.Root, list *list) *Files {
	return &Files{anchor: &anchor{root: root, list: list}}
}

// OpenFiles opens a folder without a list.
func OpenFiles(dir string) (*Files, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return newFiles(root, nil), nil
}

// Sub returns a subfolder, which moves with the folder.
func (f *Files) Sub(name string) *Files { return &Files{anchor: f.anchor, below: f.at(name)} }

// move calls files to move the folder's files while nothing is written, and continues in the root that files returns. Open
// files stay open.
func (f *Files) move(files func() (*os.Root, *list, error)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	root, list, err := files()
	if err != nil {
		return err
	}
	old := f.root
	f.root, f.list = root, list
	return old.Close()
}

// Close releases the folder.
func (f *Files) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.root.Close()
}

// Name returns the path of the folder, for messages.
func (f *Files) Name() string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return path.Join(f.root.Name(), f.below)
}

func (f *Files) at(name string) string { return path.Join(f.below, name) }

// note adds the name of a file to the list before the file appears.
func (f *Files) note(name string) error {
	if f.list == nil {
		return nil
	}
	return f.list.Add(name)
}

// Write writes a file that appears complete or not at all. It creates missing folders.
func (f *Files) Write(name string, data []byte) error {
	return f.WriteFrom(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteFrom is like Write, for a file that is written piece by piece.
func (f *Files) WriteFrom(name string, write func(io.Writer) error) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	name = f.at(name)
	if err := f.note(name); err != nil {
		return err
	}
	return cannot(f.root, name, "written", disk.WriteFromIn(f.root, name, write))
}

// writeAtFrom is like WriteFrom, for a file whose parts are written in any order.
func (f *Files) writeAtFrom(name string, write func(io.WriterAt) error) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	name = f.at(name)
	if err := f.note(name); err != nil {
		return err
	}
	return cannot(f.root, name, "written", disk.WriteAtIn(f.root, name, write))
}

// Append opens a file for appending, and creates it and its folders if necessary. The file stays open when the folder moves.
func (f *Files) Append(name string) (*os.File, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	name = f.at(name)
	if err := f.note(name); err != nil {
		return nil, err
	}
	if folder := path.Dir(name); folder != "." {
		if err := f.root.MkdirAll(folder, 0o777); err != nil {
			return nil, cannot(f.root, name, "written", err)
		}
	}
	file, err := f.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	return file, cannot(f.root, name, "written", err)
}

// Update opens an existing file for writing at any offset.
func (f *Files) Update(name string) (*os.File, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if err := f.plain(name); err != nil {
		return nil, err
	}
	file, err := f.root.OpenFile(f.at(name), os.O_WRONLY, 0)
	return file, cannot(f.root, f.at(name), "written", err)
}

// Open opens a file for reading. The file stays open when the folder moves.
func (f *Files) Open(name string) (*os.File, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if err := f.plain(name); err != nil {
		return nil, err
	}
	return f.root.Open(f.at(name))
}

// Read reads a file. It returns nil for a missing file.
func (f *Files) Read(name string) ([]byte, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if err := f.plain(name); err != nil {
		return nil, err
	}
	data, err := f.root.ReadFile(f.at(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, cannot(f.root, f.at(name), "read", err)
}

// plain returns an error for a file whose opening would block, such as a FIFO.
func (f *Files) plain(name string) error {
	if st, err := f.root.Stat(f.at(name)); err == nil && !st.Mode().IsRegular() {
		return &disk.KindError{Path: filepath.Join(f.root.Name(), f.at(name)), Mode: st.Mode()}
	}
	return nil
}

// Stat describes a file or a folder.
func (f *Files) Stat(name string) (fs.FileInfo, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.root.Stat(f.at(name))
}

// ReadDir lists a folder.
func (f *Files) ReadDir(name string) ([]fs.DirEntry, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return fs.ReadDir(f.root.FS(), f.at(name))
}

// Mkdir creates a folder. If the folder exists the error is fs.ErrExist.
func (f *Files) Mkdir(name string) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if err := f.note(f.at(name) + "/"); err != nil {
		return err
	}
	return f.root.Mkdir(f.at(name), 0o777)
}

// MkdirAll creates a folder and its parents.
func (f *Files) MkdirAll(name string) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if err := f.note(f.at(name) + "/"); err != nil {
		return err
	}
	return f.root.MkdirAll(f.at(name), 0o777)
}

// Remove removes a file.
func (f *Files) Remove(name string) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.root.Remove(f.at(name))
}

// Clear removes the files in a folder and its subfolders. With a list it removes only listed files.
func (f *Files) Clear(name string) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	err := fs.WalkDir(f.root.FS(), f.at(name), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || f.list != nil && !f.list.Has(file) {
			return err
		}
		return f.root.Remove(file)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// FileName turns a text into a part of a file name. It replaces characters that could leave the folder or need quoting by "_".
func FileName(text string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '_'
	}, text)
	name = strings.TrimLeft(name, ".-")
	if name == "" {
		return "_"
	}
	return name
}

// cannot adds the file to an error. It returns nil for nil.
func cannot(root *os.Root, name, done string, err error) error {
	if err == nil {
		return nil
	}
	var p *fs.PathError
	if errors.As(err, &p) { // the path is named once
		err = p.Err
	}
	return fmt.Errorf("%s: cannot be %s: %w", path.Join(root.Name(), name), done, err)
}
