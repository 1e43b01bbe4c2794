package disk

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Write writes a complete file.
func Write(path string, data []byte) error { return write(paths{}, path, bytesOf(data)) }

// WriteFrom writes a complete file in pieces.
func WriteFrom(path string, pieces func(io.Writer) error) error { return write(paths{}, path, pieces) }

// WriteIn is Write for a file below an open folder, which may be renamed meanwhile. Missing folders above the file are
// created.
func WriteIn(root *os.Root, name string, data []byte) error {
	return WriteFromIn(root, name, bytesOf(data))
}

// WriteFromIn is WriteIn for a file that is written in pieces.
func WriteFromIn(root *os.Root, name string, pieces func(io.Writer) error) error {
	if folder := filepath.Dir(name); folder != "." {
		if err := root.MkdirAll(folder, 0o777); err != nil {
			return failure(filepath.Join(root.Name(), name), err)
		}
	}
	err := write(root, name, pieces)
	var p *fs.PathError
	if errors.As(err, &p) && p.Path == name { // the name below the root is not useful to the reader
		p.Path = filepath.Join(root.Name(), name)
	}
	return err
}

// WriteAtIn is WriteIn for a file whose parts are written in any order.
func WriteAtIn(root *os.Root, name string, pieces func(io.WriterAt) error) error {
	f, err := create(root, name)
	if err == nil {
		defer f.Close()
		if err = pieces(f); err == nil {
			err = f.Commit()
		}
	}
	if err != nil {
		return failure(filepath.Join(root.Name(), name), err)
	}
	return nil
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

// A File is a file that has only its temporary name.
type File struct {
	in        place
	path      string // as given by the caller, for messages
	target    string // with symbolic links followed
	temporary string
	file      *os.File
	done      bool
}

// Create starts a file. Commit renames it to its name; Close without Commit removes it. A folder that is missing or not
// writable, and a path that is not a file, are errors here and not after the work.
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

// WriteAt writes at an offset.
func (f *File) WriteAt(b []byte, offset int64) (int, error) { return f.file.WriteAt(b, offset) }

// Commit makes the file durable and renames it to its name. An existing file is replaced.
func (f *File) Commit() error { return f.commit(f.in.Rename) }

// CommitNew is Commit for a name that must not exist. If the file exists, it is kept and the error is fs.ErrExist.
func (f *File) CommitNew() error {
	return f.commit(func(temporary, target string) error {
		err := f.in.Link(temporary, target)
		switch {
		case err == nil:
			return f.in.Remove(temporary)
		case errors.Is(err, fs.ErrExist):
			return err
		}
		// The file system has no hard links. Another process may take the name between the check and the rename.
		if _, err := f.in.Lstat(target); err == nil {
			return &fs.PathError{Op: "write", Path: target, Err: fs.ErrExist}
		}
		return f.in.Rename(temporary, target)
	})
}

// Sync makes what was written durable. Before the files of a group are committed one after the other, it shortens the time between their renames.
func (f *File) Sync() error {
	if f.done {
		return failure(f.path, fs.ErrClosed)
	}
	if err := f.file.Sync(); err != nil {
		return failure(f.path, err)
	}
	return nil
}

func (f *File) commit(rename func(temporary, target string) error) error {
	if err := f.Sync(); err != nil {
		return err
	}
	if !locks { // such a system cannot rename an open file
		if err := f.file.Close(); err != nil {
			return failure(f.path, err)
		}
	}
	// The lock is held until the file has its name, so that no process removes it as a leftover.
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

// Close removes a file that was not committed. After Commit it does nothing.
func (f *File) Close() error {
	if f.done {
		return nil
	}
	f.done = true
	err := f.in.Remove(f.temporary) // before the lock is released
	if closed := f.file.Close(); closed != nil && !errors.Is(closed, fs.ErrClosed) {
		err = errors.Join(err, closed)
	}
	return err
}

// failure returns an error that names the requested file, because the cause may name the temporary one.
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

// maxLinks limits the symbolic links in a chain, as Linux does, to detect circles.
const maxLinks = 40

// follow returns the file that a path leads to, whether it exists or not. It rejects other kinds of files: renaming over a
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
	return "", errors.New("is a symbolic link to itself")
}
