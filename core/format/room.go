package format

import (
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/internal/machine"
)

// smallScan is the size in bytes below which the available memory is not checked.
const smallScan = 1 << 20

// Working copies of a scan, measured with train, infer, solve, inspect and evaluate on 4,000 and 8,000 patterns of 64²:
// at most 1.45 times the counts and 40 MiB in the process that reads, for infer 146 MiB in addition.
const (
	scanCopies = 0.45      // of the counts
	scanRest   = 150 << 20 // bytes
)

// checkScanRoom rejects a number of patterns unless they fit the available memory as float32 with their working copies.
func checkScanRoom(d *Description, patterns int) error {
	counts := int64(patterns) * int64(d.frame()) * 4
	if counts <= smallScan {
		return nil
	}
	need := counts + int64(scanCopies*float64(counts)) + scanRest
	free, known := machine.AvailableMemory()
	if !known || need <= free {
		return nil
	}
	e := npz.Errorf(d.Path, "%d patterns of %d×%d pixels need about %s of memory, %s as float32 and the rest as working copies, but %s are available",
		patterns, d.Height, d.Width, machine.Size(need), machine.Size(counts), machine.Size(free))
	e.Err = npz.ErrRefused
	fits := int(float64(free-scanRest) / (1 + scanCopies) / float64(4*d.frame()))
	if fits < 1 {
		return e.Hint("free memory, or use a machine with more")
	}
	return e.Hint("select fewer patterns with --rows, or --n-images if the command has it: about %d fit", fits)
}
