package dataset

import (
	"os"
	"runtime/debug"
	"slices"

	"github.com/ptychogo/ptycho/core/scan"
)

const (
	// largeScan is the size of the patterns, or of the image, in bytes, from which the image is expected to need much of the memory.
	largeScan = 128 << 20
	// pixelBytes is the size of a pixel of the image and of its coverage.
	pixelBytes = 24
	// leanCollection is the garbage in per cent of the memory in use after which it is collected; Go's default is 100. Reconstructions
	// allocate few arrays, each as large as the image, so that collecting them early takes little time.
	leanCollection = 20
	// leanGarbage is the size of that garbage in bytes for large images, of which leastCollection per cent are allowed in any case.
	leanGarbage     = 64 << 20
	leastCollection = 4
)

// Economise lets less garbage accumulate while a large scan is reconstructed, until the returned function is called. The user's GOGC
// has precedence.
func Economise(data *scan.Scan) (undo func()) {
	if data.Bytes() < largeScan && imageBytes(data) < largeScan || os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(collection(imageBytes(data)))
	return func() { debug.SetGCPercent(before) }
}

// collection returns the garbage that is collected, in per cent, for an image of that size in bytes.
func collection(image float64) int {
	return max(min(leanCollection, int(100*leanGarbage/max(image, 1))), leastCollection) // 100: per cent
}

// imageBytes returns the size of the image. Few patterns may be spread over a large one.
func imageBytes(data *scan.Scan) float64 {
	if data.Len() == 0 {
		return 0
	}
	side := func(p []float64) float64 { return slices.Max(p) - slices.Min(p) + float64(data.N) }
	return pixelBytes * side(data.Rows) * side(data.Cols)
}
