package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// KindError reports that a path names something other than a regular file.
type KindError struct {
	Path string
	Mode fs.FileMode
}

// Error returns the path and what was found there.
func (e *KindError) Error() string { return e.Path + ": " + e.What() }

// What returns what was found, without the path.
func (e *KindError) What() string { return "is " + kind(e.Mode) + ", not a regular file" }

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe (FIFO)"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return fmt.Sprintf("a file of type %v", m.Type())
}

// Open opens a regular file for reading. It never blocks. It checks the file before opening, because opening a device can
// have effects, and checks the opened file again, because the path may have changed meanwhile.
func Open(path string) (*os.File, fs.FileInfo, error) {
	st, err := os.Stat(path)
	if err == nil && !st.Mode().IsRegular() {
		err = &KindError{path, st.Mode()}
	}
	if err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return nil, nil, err
	}
	st, err = f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &KindError{path, st.Mode()}
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, st, nil
}

// Read reads a regular file of at most limit bytes.
func Read(path string, limit int64) ([]byte, error) {
	f, _, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // the file was only read
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s: is larger than %d bytes", path, limit)
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}
