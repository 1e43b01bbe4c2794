// Package place writes files below a directory that may be renamed while it is open: a run directory moves to its place
// at the first checkpoint, and what logs the run is open before that. os.Root holds the directory and not its name.
package place

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/ptychogo/ptycho/internal/durable"
)

// Write writes a file that appears complete or not at all. Missing folders above it are made.
func Write(root *os.Root, name string, data []byte) error {
	if err := durable.WriteIn(root, name, data); err != nil {
		return cannot(root, name, err)
	}
	return nil
}

// WriteFrom is Write for a file that is written piece by piece.
func WriteFrom(root *os.Root, name string, write func(io.Writer) error) error {
	if err := durable.WriteFromIn(root, name, write); err != nil {
		return cannot(root, name, err)
	}
	return nil
}

// Append opens a file to write at its end; it and the folders above it are made.
func Append(root *os.Root, name string) (*os.File, error) {
	if folder := path.Dir(name); folder != "." {
		if err := root.MkdirAll(folder, 0o777); err != nil {
			return nil, cannot(root, name, err)
		}
	}
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, cannot(root, name, err)
	}
	return f, nil
}

// Read reads a file; one that does not exist is nil.
func Read(root *os.Root, name string) ([]byte, error) {
	data, err := root.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: cannot be read: %w", path.Join(root.Name(), name), err)
	}
	return data, nil
}

// Name makes one part of a file's name of any text: what could leave the folder or trouble a shell becomes "_".
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

func cannot(root *os.Root, name string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) { // the path is named once
		err = p.Err
	}
	return fmt.Errorf("%s: cannot be written: %w", path.Join(root.Name(), name), err)
}
