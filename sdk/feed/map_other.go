//go:build !unix

package feed

import "os"

// mapping is the bytes of a file, read into memory where mapping is not available.
type mapping struct{ mem []byte }

func openMapping(path string) (mapping, error) {
	mem, err := os.ReadFile(path)
	return mapping{mem}, err
}

func (m mapping) close() error { return nil }
