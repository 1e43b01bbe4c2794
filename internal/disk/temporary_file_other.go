//go:build !linux

package disk

import (
	"errors"
	"io/fs"
	"os"
)

// inMemory reports that files in memory need a name that other processes can open, which only Linux has.
func inMemory() (*TemporaryFile, error) { return nil, errors.New("this system has no files in memory") }

func onDisk(folder string) (*TemporaryFile, error) { return named(folder) }

// Seal does nothing on this system.
func (f *TemporaryFile) Seal() {}

// room reports that the amount is unknown.
func room(string) (int64, bool) { return 0, false }

// visible returns no path: the name of the file is used.
func visible(*os.File) (path string, ok bool) { return "", false }

// sameFileSystem reports that the file systems are unknown.
func sameFileSystem(fs.FileInfo, string) bool { return false }
