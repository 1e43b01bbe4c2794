package npz

import (
	"errors"

	"github.com/ptychogo/ptycho/internal/machine"
)

// ErrRefused is the cause of an Error about a valid file that is too large to read: for the available memory, or
// because it expands suspiciously.
var ErrRefused = errors.New("refused")

const (
	// highCompression is the largest ratio of a compressed array that is read. Deflate reaches 1032 only for constant
	// data, which is never a measurement.
	highCompression = 1000
	// harmless is the size below which the compression does not matter: the mask of a large detector may be constant.
	harmless = 64 << 20
	// smallArray is the size below which the available memory is not checked.
	smallArray = 1 << 20
)

// checkRoom rejects an array of n values of that many bytes each unless it fits the available memory.
func (a *Reader) checkRoom(n, size int) error {
	need := int64(n) * int64(size)
	if a.header.fortran && len(a.header.shape) > 1 {
		need *= 2 // reordered
	}
	if need <= smallArray {
		return nil
	}
	free, known := machine.AvailableMemory()
	if !known || need <= free {
		return nil
	}
	e := a.Errorf("with shape %v needs %s of memory, but %s are available", a.header.shape, machine.Size(need), machine.Size(free))
	e.Err = ErrRefused
	return e.Hint("free memory, or use a machine with more")
}

// CheckCompression rejects an array that expands more than a measurement does, unless it is trusted.
func (z *Archive) CheckCompression(a *Reader) error {
	if z.trusted || a.expanded <= harmless || a.expanded/highCompression <= a.stored {
		return nil
	}
	e := a.Errorf("expands from %s to %s, more than %d-fold, like a file made to exhaust memory",
		machine.Size(int64(a.stored)), machine.Size(int64(a.expanded)), highCompression)
	e.Err = ErrRefused
	return e.Hint("if you trust the file, give --allow-high-compression, or save it again with numpy.savez")
}
