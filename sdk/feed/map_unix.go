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

// drop takes the file's bytes out of the process's memory. The next access reads them again, as a rule from the system's cache.
func (m mapping) drop() {
	if len(m.mem) > 0 {
		_ = unix.Madvise(m.mem, unix.MADV_DONTNEED) // otherwise the bytes stay
	}
}

func (m mapping) close() error {
	if m.mem == nil {
		return nil
	}
	return unix.Munmap(m.mem)
}
