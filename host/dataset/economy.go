package dataset

import (
	"os"
	"runtime/debug"

	"github.com/ptychogo/ptycho/core/scan"
)

const (
	// largeScan is the size of the patterns, in bytes, from which the image is expected to need much of the memory.
	largeScan = 128 << 20
	// leanCollection is the garbage in per cent of the memory in use after which it is collected; Go's default is 100. Reconstructions
	// allocate few arrays, each as large as the image, so that collecting them early takes little time.
	leanCollection = 20
)

// Economise lets less garbage accumulate while a large scan is reconstructed, until the returned function is called. The user's GOGC
// has precedence.
func Economise(data *scan.Scan) (undo func()) {
	if data.Bytes() < largeScan || os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(leanCollection)
	return func() { debug.SetGCPercent(before) }
}
