// Package npz reads and writes npz archives, and the single npy arrays that backends map.
//
// Every file is treated as hostile. Headers are parsed strictly, sizes are compared with the file's size before
// anything is allocated, payloads are read in full and their checksums verified.
package npz

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ptychogo/ptycho/internal/disk"
	"github.com/ptychogo/ptycho/internal/words"
)

// Error reports an unusable data file: missing, damaged, of the wrong kind, or with invalid values. The command maps it
// to the exit code for data.
type Error struct {
	Path string // the file
	What string // what was found, one clause
	Fix  string // what to do; "" if obvious
	Err  error  // cause, already part of What; may be nil

	Flag      bool // the command line is wrong, and not the file
	Unwritten bool // the file could not be written: the fault is that of the disk, not of the data
}

// Limits of a path and of What in an error: the longest path, and one sentence.
const (
	maxPath   = 4096
	maxClause = 1000
)

func (e *Error) Error() string {
	s := words.Line(e.Path, maxPath) + ": " + words.Line(e.What, maxClause) // the file may contain any name
	if e.Fix != "" {
		s += "; " + e.Fix
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an error about a file.
func Errorf(path, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Path: path, What: err.Error(), Err: errors.Unwrap(err)}
}

// WriteError returns the error of a file that could not be written. The message has the file's path and not that of the
// cause, which may be that of a temporary file.
func WriteError(path string, err error) *Error {
	if p := new(fs.PathError); errors.As(err, &p) {
		err = p.Err
	}
	e := Errorf(path, "cannot be written: %w", err)
	e.Unwritten = true
	return e
}

// Hint adds what to do.
func (e *Error) Hint(format string, args ...any) *Error {
	e.Fix = fmt.Sprintf(format, args...)
	return e
}

// open opens a regular file for reading. Its error says in one sentence why it cannot.
func open(path string) (*os.File, int64, error) {
	f, st, err := disk.Open(path)
	if err != nil {
		return nil, 0, openError(path, err)
	}
	if st.Size() == 0 {
		f.Close()
		return nil, 0, Errorf(path, "is empty")
	}
	return f, st.Size(), nil
}

func openError(path string, err error) *Error {
	e := &Error{Path: path, Err: err}
	var p *fs.PathError
	var other *disk.KindError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.What = "no such file"
	case errors.Is(err, fs.ErrPermission):
		e.What = "cannot be read: permission denied"
	case errors.As(err, &other):
		e.What = other.What()
	case errors.As(err, &p):
		e.What = "cannot be opened: " + p.Err.Error()
	default:
		e.What = "cannot be opened: " + err.Error()
	}
	return e
}
