//go:build !unix

package feed

import "os"

// mapping holds the bytes of a file, read into memory because this system has no mmap.
type mapping struct{ mem []byte }

func openMapping(path string) (mapping, error) {
	mem, err := os.ReadFile(path)
	return mapping{mem}, err
}

// drop does nothing: the memory holds the only copy.
func (m mapping) drop() {}

func (m mapping) close() error { return nil }
