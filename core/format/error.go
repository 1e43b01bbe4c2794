// Package format reads and writes scans and reconstructions: npz archives, and the single npy arrays that backends map.
//
// Files are hostile until proven otherwise. Headers are parsed strictly, sizes are compared with what a file holds
// before anything is allocated, payloads are read in full and their checksums verified.
package format

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Error is a data file that cannot be used: missing, damaged, of the wrong kind, or with values that make no sense. The
// command maps it to the exit code for data.
type Error struct {
	Path string // the file
	What string // what was found, one clause
	Fix  string // what mends it, "" when that is obvious
	Err  error  // cause, may be nil; What already tells it
}

func (e *Error) Error() string {
	s := e.Path + ": " + e.What
	if e.Fix != "" {
		s += "; " + e.Fix
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

func errorf(path, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Path: path, What: err.Error(), Err: errors.Unwrap(err)}
}

func (e *Error) fix(format string, args ...any) *Error {
	e.Fix = fmt.Sprintf(format, args...)
	return e
}

// open opens a regular file for reading and says in one sentence why it cannot.
func open(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, openError(path, err)
	}
	st, err := f.Stat()
	switch {
	case err != nil:
	case st.IsDir():
		err = errorf(path, "is a folder, not a file")
	case !st.Mode().IsRegular():
		err = errorf(path, "is no regular file (%v)", st.Mode().Type())
	case st.Size() == 0:
		err = errorf(path, "is empty")
	default:
		return f, st.Size(), nil
	}
	f.Close()
	return nil, 0, err
}

func openError(path string, err error) *Error {
	e := &Error{Path: path, Err: err}
	var p *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.What = "no such file"
	case errors.Is(err, fs.ErrPermission):
		e.What = "may not be read"
	case errors.As(err, &p):
		e.What = "cannot be opened: " + p.Err.Error()
	default:
		e.What = "cannot be opened: " + err.Error()
	}
	return e
}
