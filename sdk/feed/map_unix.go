//go:build unix

package feed

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ptychogo/ptycho/internal/disk"
)

// mapping holds the bytes of a file, mapped read-only.
type mapping struct{ mem []byte }

func openMapping(path string) (mapping, error) {
	f, st, err := disk.Open(path)
	if err != nil {
		return mapping{}, err
	}
	defer f.Close()     // the mapping outlives the descriptor
	if st.Size() == 0 { // an empty file cannot be mapped
		return mapping{}, nil
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return mapping{}, fmt.Errorf("map %s: %w", path, err)
	}
	return mapping{mem}, nil
}

func (m mapping) close() error {
	if m.mem == nil {
		return nil
	}
	return unix.Munmap(m.mem)
}
