package format

import (
	"errors"

	"github.com/ptychogo/ptycho/internal/memory"
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

// Working copies of a scan, measured with train, infer, solve, inspect and evaluate on 4,000 and 8,000 patterns of 64²:
// at most 1.45 times the counts and 40 MiB in the process that reads, for infer 146 MiB in addition.
const (
	scanCopies = 0.45      // of the counts
	scanRest   = 150 << 20 // bytes
)

// checkRoom rejects an array of n values of that many bytes each unless it fits the available memory.
func (a *array) checkRoom(n, size int) error {
	need := int64(n) * int64(size)
	if a.header.fortran && len(a.header.shape) > 1 {
		need *= 2 // reordered
	}
	if need <= smallArray {
		return nil
	}
	free, known := memory.Available()
	if !known || need <= free {
		return nil
	}
	e := a.errorf("with shape %v needs %s of memory, but %s are available", a.header.shape, memory.Size(need), memory.Size(free))
	e.Err = ErrRefused
	return e.fix("free memory, or use a machine with more")
}

// checkScanRoom rejects a number of patterns unless they fit the available memory as float32 with their working copies.
func checkScanRoom(d *Description, patterns int) error {
	counts := int64(patterns) * int64(d.N) * int64(d.N) * 4
	if counts <= smallArray {
		return nil
	}
	need := counts + int64(scanCopies*float64(counts)) + scanRest
	free, known := memory.Available()
	if !known || need <= free {
		return nil
	}
	e := errorf(d.Path, "%d patterns of %d×%d pixels need about %s of memory, %s as float32 and the rest as working copies, but %s are available",
		patterns, d.N, d.N, memory.Size(need), memory.Size(counts), memory.Size(free))
	e.Err = ErrRefused
	fits := int(float64(free-scanRest) / (1 + scanCopies) / float64(4*d.N*d.N))
	if fits < 1 {
		return e.fix("free memory, or use a machine with more")
	}
	return e.fix("select fewer patterns with --rows, or --n-images if the command has it: about %d fit", fits)
}

// checkCompression rejects an array that expands more than a measurement does, unless it is trusted.
func (z *NPZ) checkCompression(a *array) error {
	if z.trusted || a.expanded <= harmless || a.expanded/highCompression <= a.stored {
		return nil
	}
	e := a.errorf("expands from %s to %s, more than %d-fold, like a file made to exhaust memory",
		memory.Size(int64(a.stored)), memory.Size(int64(a.expanded)), highCompression)
	e.Err = ErrRefused
	return e.fix("if you trust the file, give --allow-high-compression, or save it again with numpy.savez")
}
