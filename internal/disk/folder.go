package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// MkdirAll creates a folder and its parents, with permissions according to the umask, so that they survive a power failure.
func MkdirAll(path string) error {
	var made []string
	for at := filepath.Clean(path); ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			break
		}
		made = append(made, at)
	}
	if err := os.MkdirAll(path, 0o777); err != nil {
		return err
	}
	for _, folder := range made {
		if err := SyncFolder(filepath.Dir(folder)); err != nil {
			return err
		}
	}
	return nil
}

// SyncFolder makes the names in a folder durable.
func SyncFolder(path string) error { return syncFolder(paths{}, path) }

func syncFolder(in place, path string) error {
	if !locks { // Windows, which cannot sync folders
		return nil
	}
	d, err := in.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil // the folder is writable but not readable: the file was written
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !unsupported(err) {
		return err
	}
	return nil
}

// SyncFolderIn is SyncFolder for a folder below an open one.
func SyncFolderIn(root *os.Root, name string) error { return syncFolder(root, name) }
