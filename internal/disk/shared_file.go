package disk

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// SharedFile is a user's file, open for reading, that other processes can open at Path until it is closed.
type SharedFile struct {
	*os.File
	name, path string
	size       int64
	modified   time.Time
}

// OpenInPlace opens a file whose content of the given size would otherwise be copied to a file of NewTemporaryFile, if the copy would gain
// nothing: it would not be in memory, and on the file system of the file or nowhere. Otherwise it returns nil.
func OpenInPlace(name string, bytes int64, folders ...string) (*SharedFile, error) {
	f, st, err := Open(name)
	if err != nil {
		return nil, err
	}
	if !copyGainsNothing(st, bytes, folders) {
		return nil, f.Close()
	}
	path, ok := visible(f)
	if !ok {
		if path, err = filepath.Abs(name); err != nil {
			f.Close()
			return nil, err
		}
	}
	return &SharedFile{File: f, name: name, path: path, size: st.Size(), modified: st.ModTime()}, nil
}

// copyGainsNothing reports whether a copy of a file would be on its own file system, or cannot be made.
func copyGainsNothing(st fs.FileInfo, bytes int64, folders []string) bool {
	if fitsMemory(bytes) {
		return false
	}
	for _, folder := range append([]string{os.TempDir()}, folders...) {
		free, known := room(folder)
		if !known {
			return false
		}
		if free >= bytes {
			return sameFileSystem(st, folder)
		}
	}
	return true
}

// Name returns the name by which the file was opened.
func (f *SharedFile) Name() string { return f.name }

// Path returns an absolute path at which other processes can open the file. It may be below /proc.
func (f *SharedFile) Path() string { return f.path }

// Modified reports whether the file's size or time of modification changed since it was opened.
func (f *SharedFile) Modified() bool {
	st, err := f.Stat()
	return err != nil || st.Size() != f.size || !st.ModTime().Equal(f.modified)
}
