package inspect

import (
	"runtime"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// scanFile writes an npz file, not compressed, of patterns of 64×64 pixels with two peaks.
func scanFile(t *testing.T, patterns int) string {
	t.Helper()
	const side = 64
	counts, y, x := make([]uint16, patterns*side*side), make([]float64, patterns), make([]float64, patterns)
	for j := range patterns {
		y[j], x[j] = float64(4*(j/32)), float64(4*(j%32))
		for i := range 200 {
			counts[j*side*side+side*side/2+i] = uint16(300 + (7*i+j)%50)
		}
	}
	return fixture.Write(t, "scan.npz", fixture.NPZ(t, false, fixture.Raw("diffraction", counts, patterns, side, side), fixture.Raw("ycoords", y, patterns), fixture.Raw("xcoords", x, patterns)))
}

// allocated returns the bytes that an inspection allocates in all, whether they are freed or not.
func allocated(t *testing.T, name string) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Run(t.Context(), Options{Path: name}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestRun_MemoryOfLargeScan inspects two scans, one of them twice as large, and compares what is allocated. Patterns that are held, or
// copied one by one, allocate their size at least once. The examination keeps a sample, which is as large for both.
func TestRun_MemoryOfLargeScan(t *testing.T) {
	if testing.Short() {
		t.Skip("inspects 48 MiB: not with -short")
	}
	const small, large, pattern = 2048, 4096, 2 * 64 * 64 // patterns, bytes
	few, many := allocated(t, scanFile(t, small)), allocated(t, scanFile(t, large))
	t.Logf("%d KiB and %d KiB", few>>10, many>>10)
	if more := int64(many) - int64(few); more > (large-small)*pattern/2 {
		t.Errorf("%d patterns allocate %d KiB more than %d, of %d KiB", large, more>>10, small, (large-small)*pattern>>10)
	}
}
