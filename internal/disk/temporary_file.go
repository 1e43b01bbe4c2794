package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ptychogo/ptycho/internal/machine"
)

// TemporaryFile is a temporary file that other processes can open at Path until it is closed.
type TemporaryFile struct {
	*os.File
	path   string
	folder *TemporaryFolder // nil: the file has no name, and the system frees it when the last process closes it
}

// ample is how many times the size of a file must be available for it to be kept in memory: the process and its plugin need
// more memory after the file is written.
const ample = 4

// fitsMemory reports whether a file of that size may be kept in memory.
func fitsMemory(bytes int64) bool {
	free, ok := machine.AvailableMemory()
	return ok && free/ample >= bytes
}

// NewTemporaryFile creates a file for the given number of bytes: in memory if there is ample space, otherwise in the system's
// temporary folder or the first of the other folders with enough space.
func NewTemporaryFile(bytes int64, folders ...string) (*TemporaryFile, error) {
	var refused []string
	switch free, ok := machine.AvailableMemory(); {
	case !ok:
	case free/ample < bytes:
		refused = append(refused, fmt.Sprintf("memory has %s available, but %d times the size is needed", machine.Size(free), ample))
	default:
		f, err := inMemory()
		if err == nil {
			return f, nil
		}
		refused = append(refused, "memory: "+err.Error())
	}
	seen := map[string]bool{}
	for _, folder := range append([]string{os.TempDir()}, folders...) {
		if seen[folder] {
			continue
		}
		seen[folder] = true
		if free, ok := room(folder); ok && free < bytes {
			refused = append(refused, fmt.Sprintf("%s has %s free", folder, machine.Size(free)))
			continue
		}
		f, err := onDisk(folder)
		if err == nil {
			return f, nil
		}
		refused = append(refused, err.Error())
	}
	return nil, fmt.Errorf("cannot create a temporary file of %s: %s; set TMPDIR to a folder with enough space", machine.Size(bytes), strings.Join(refused, "; "))
}

// named creates a file with a name in a new folder.
func named(folder string) (*TemporaryFile, error) {
	dir, err := NewTemporaryFolder(folder)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir.Path(), "data"), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		_ = dir.Remove()
		return nil, folderError(folder, err)
	}
	return &TemporaryFile{f, f.Name(), dir}, nil
}

// Path returns an absolute path at which other processes can open the file. It may be below /proc.
func (f *TemporaryFile) Path() string { return f.path }

// Close closes and removes the file. Processes that have it open or mapped keep it.
func (f *TemporaryFile) Close() error {
	err := f.File.Close()
	if gone := f.folder.Remove(); err == nil {
		err = gone
	}
	return err
}
