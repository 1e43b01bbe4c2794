// Package durable writes files that are whole or absent. A file is written under a temporary name in its own folder,
// synced, renamed to its name, and the folder is synced. A crash, a full disk or a kill at any moment leaves the old file or
// the new one, and at most a temporary file, which the next writer of the same file removes.
//
// Permissions follow the umask. A symbolic link is written through: the file that it leads to is replaced, not the link.
package durable

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Write writes a whole file.
func Write(path string, data []byte) error { return write(paths{}, path, bytesOf(data)) }

// WriteFrom writes a whole file, piece by piece.
func WriteFrom(path string, pieces func(io.Writer) error) error { return write(paths{}, path, pieces) }

// WriteIn is Write for a file below an open folder, which may be renamed meanwhile. Missing folders above the file are made.
func WriteIn(root *os.Root, name string, data []byte) error {
	return WriteFromIn(root, name, bytesOf(data))
}

// WriteFromIn is WriteIn for a file that is written piece by piece.
func WriteFromIn(root *os.Root, name string, pieces func(io.Writer) error) error {
	if folder := filepath.Dir(name); folder != "." {
		if err := root.MkdirAll(folder, 0o777); err != nil {
			return failure(filepath.Join(root.Name(), name), err)
		}
	}
	err := write(root, name, pieces)
	var p *fs.PathError
	if errors.As(err, &p) && p.Path == name { // a name below the root says little to the reader
		p.Path = filepath.Join(root.Name(), name)
	}
	return err
}

// buffer is large enough that an archive of small arrays needs few system calls.
const buffer = 1 << 20

func bytesOf(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

func write(in place, path string, pieces func(io.Writer) error) error {
	f, err := create(in, path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, buffer)
	if err := pieces(w); err != nil {
		return failure(path, err)
	}
	if err := w.Flush(); err != nil {
		return failure(path, err)
	}
	return f.Commit()
}

// A File is a file that does not have its name yet.
type File struct {
	in        place
	path      string // as it was given, for messages
	target    string // with links followed
	temporary string
	file      *os.File
	done      bool
}

// Create starts a file. Commit gives it its name; Close without Commit leaves nothing. A folder that does not exist or
// cannot be written, and a path that names something else than a file, are errors now and not after the work.
func Create(path string) (*File, error) { return create(paths{}, path) }

func create(in place, path string) (*File, error) {
	target, err := follow(in, path)
	if err != nil {
		return nil, failure(path, err)
	}
	sweep(in, target)
	temporary, file, err := openTemporary(in, target)
	if err != nil {
		return nil, failure(path, err)
	}
	return &File{in: in, path: path, target: target, temporary: temporary, file: file}, nil
}

// Write appends to the file.
func (f *File) Write(b []byte) (int, error) { return f.file.Write(b) }

// Commit makes the file durable and gives it its name. A file that has the name is replaced.
func (f *File) Commit() error { return f.commit(f.in.Rename) }

// CommitNew is Commit for a name that no file has: one that came meanwhile is an error that is fs.ErrExist, and stays.
func (f *File) CommitNew() error {
	return f.commit(func(temporary, target string) error {
		err := f.in.Link(temporary, target)
		switch {
		case err == nil:
			return f.in.Remove(temporary)
		case errors.Is(err, fs.ErrExist):
			return err
		}
		// The file system has no hard links. Between the look and the rename another process may take the name.
		if _, err := f.in.Lstat(target); err == nil {
			return &fs.PathError{Op: "write", Path: target, Err: fs.ErrExist}
		}
		return f.in.Rename(temporary, target)
	})
}

func (f *File) commit(rename func(temporary, target string) error) error {
	if f.done {
		return failure(f.path, fs.ErrClosed)
	}
	if err := f.file.Sync(); err != nil {
		return failure(f.path, err)
	}
	if !locks { // such a system cannot rename an open file
		if err := f.file.Close(); err != nil {
			return failure(f.path, err)
		}
	}
	// The lock is held until the file has its name: nobody takes it for a leftover.
	if err := rename(f.temporary, f.target); err != nil {
		return failure(f.path, err)
	}
	f.done = true
	if err := f.file.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return failure(f.path, err)
	}
	if err := syncFolder(f.in, filepath.Dir(f.target)); err != nil {
		return failure(f.path, err)
	}
	return nil
}

// Close removes what was not committed. It is harmless after Commit.
func (f *File) Close() error {
	if f.done {
		return nil
	}
	f.done = true
	err := f.in.Remove(f.temporary) // before the lock goes
	if closed := f.file.Close(); closed != nil && !errors.Is(closed, fs.ErrClosed) {
		err = errors.Join(err, closed)
	}
	return err
}

// failure names the file that was asked for: the cause may name the temporary one.
func failure(path string, err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		err = p.Err
	case errors.As(err, &l):
		err = l.Err
	}
	return &fs.PathError{Op: "write", Path: path, Err: err}
}

// maxLinks is how many links in a row are followed before they are taken for a circle, as Linux does.
const maxLinks = 40

// follow gives the file that a path leads to, whether it exists or not, and refuses what is not a file: renaming over a
// device would replace the device.
func follow(in place, path string) (string, error) {
	for range maxLinks {
		st, err := in.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return path, nil
		case err != nil:
			return "", err
		case st.IsDir():
			return "", errors.New("is a folder, not a file")
		case st.Mode().IsRegular():
			return path, nil
		case st.Mode()&fs.ModeSymlink == 0:
			return "", fmt.Errorf("is not a file but a device, a pipe or a socket (%v)", st.Mode().Type())
		}
		to, err := in.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return "", errors.New("is a symbolic link that leads back to itself")
}
