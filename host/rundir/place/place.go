// Package place writes files below a folder that can move while files in it are open: the files of a run are in a staging
// folder until they replace an older result.
package place

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

	"github.com/ptychogo/ptycho/internal/durable"
	"github.com/ptychogo/ptycho/internal/plainfile"
)

// Ledger is the list of the files that ptycho wrote in a folder. Names are slash-separated.
type Ledger interface {
	// Add adds names before their files appear. It ignores names that are already listed.
	Add(names ...string) error
	// Has reports whether a name is listed.
	Has(name string) bool
}

// Folder is a folder or a subfolder. Its methods may be called by several goroutines, and wait during a move.
type Folder struct {
	*anchor
	below string // the path from the anchor, "" for the anchor itself
}

// anchor is the common part of a folder and its subfolders.
type anchor struct {
	mu     sync.RWMutex
	root   *os.Root
	ledger Ledger // nil: no list
}

// New returns the Folder of an open root, which it will close. The ledger may be nil.
func New(root *os.Root, ledger Ledger) *Folder {
	return &Folder{anchor: &anchor{root: root, ledger: ledger}}
}

// Open opens a folder without a list.
func Open(dir string) (*Folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return New(root, nil), nil
}

// Sub returns a subfolder, which moves with the folder.
func (f *Folder) Sub(name string) *Folder { return &Folder{anchor: f.anchor, below: f.at(name)} }

// Move calls files to move the folder's files while nothing is written, and continues in the root that files returns. Open
// files stay open.
func (f *Folder) Move(files func() (*os.Root, Ledger, error)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	root, ledger, err := files()
	if err != nil {
		return err
	}
	old := f.root
	f.root, f.ledger = root, ledger
	return old.Close()
}

// Close releases the folder.
func (f *Folder) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.root.Close()
}

// Name returns the path of the folder, for messages.
func (f *Folder) Name() string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return path.Join(f.root.Name(), f.below)
}

func (f *Folder) at(name string) string { return path.Join(f.below, name) }

// note adds the name of a file to the ledger before the file appears.
func (f *Folder) note(name string) error {
	if f.ledger == nil {
		return nil
	}
	return f.ledger.Add(name)
}

// Write writes a file that appears complete or not at all. It creates missing folders.
func (f *Folder) Write(name string, data []byte) error {
	return f.WriteFrom(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteFrom is like Write, for a file that is written piece by piece.
func (f *Folder) WriteFrom(name string, write func(io.Writer) error) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	name = f.at(name)
	if err := f.note(name); err != nil {
		return err
	}
	return cannot(f.root, name, "written", durable.WriteFromIn(f.root, name, write))
}

// Append opens a file for appending, and creates it and its folders if necessary. The file stays open when the folder moves.
func (f *Folder) Append(name string) (*os.File, error) {
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
func (f *Folder) Update(name string) (*os.File, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if err := f.plain(name); err != nil {
		return nil, err
	}
	file, err := f.root.OpenFile(f.at(name), os.O_WRONLY, 0)
	return file, cannot(f.root, f.at(name), "written", err)
}

// Open opens a file for reading. The file stays open when the folder moves.
func (f *Folder) Open(name string) (*os.File, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if err := f.plain(name); err != nil {
		return nil, err
	}
	return f.root.Open(f.at(name))
}

// Read reads a file. It returns nil for a missing file.
func (f *Folder) Read(name string) ([]byte, error) {
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
func (f *Folder) plain(name string) error {
	if st, err := f.root.Stat(f.at(name)); err == nil && !st.Mode().IsRegular() {
		return &plainfile.KindError{Path: filepath.Join(f.root.Name(), f.at(name)), Mode: st.Mode()}
	}
	return nil
}

// Stat describes a file or a folder.
func (f *Folder) Stat(name string) (fs.FileInfo, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.root.Stat(f.at(name))
}

// ReadDir lists a folder.
func (f *Folder) ReadDir(name string) ([]fs.DirEntry, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return fs.ReadDir(f.root.FS(), f.at(name))
}

// Mkdir creates a folder. If the folder exists the error is fs.ErrExist.
func (f *Folder) Mkdir(name string) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if err := f.note(f.at(name) + "/"); err != nil {
		return err
	}
	return f.root.Mkdir(f.at(name), 0o777)
}

// MkdirAll creates a folder and its parents.
func (f *Folder) MkdirAll(name string) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if err := f.note(f.at(name) + "/"); err != nil {
		return err
	}
	return f.root.MkdirAll(f.at(name), 0o777)
}

// Remove removes a file.
func (f *Folder) Remove(name string) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.root.Remove(f.at(name))
}

// Clear removes the files in a folder and its subfolders. With a ledger it removes only listed files.
func (f *Folder) Clear(name string) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	err := fs.WalkDir(f.root.FS(), f.at(name), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || f.ledger != nil && !f.ledger.Has(file) {
			return err
		}
		return f.root.Remove(file)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Name turns a text into a part of a file name. It replaces characters that could leave the folder or need quoting by "_".
func Name(text string) string {
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
