package format

import "testing"

// A mask that hides the counts counts as inverted; a mask that hides noise, hot pixels, marks or half of the light does
// not.
func TestReadScan_InvertedMaskRefused(t *testing.T) {
	const n, pixels = 3, 256
	for name, c := range map[string]struct {
		valid int // the first pixels are valid
		count func(pixel int) uint32
		bad   bool
	}{
		"one valid pixel, dark":       {1, func(p int) uint32 { return uint32(min(p, 1) * 9) }, true},
		"few valid pixels, dim":       {100, func(p int) uint32 { return uint32(1 + 99*(p/100)) }, true},
		"dark behind the mask":        {100, func(p int) uint32 { return uint32(9 * (1 - min(p/100, 1))) }, false},
		"a hot pixel behind it":       {100, func(p int) uint32 { return map[int]uint32{255: 1<<32 - 1}[p] + uint32(3*(1-min(p/100, 1))) }, false},
		"even light, few valid":       {100, func(int) uint32 { return 9 }, false},
		"most valid, light is masked": {200, func(p int) uint32 { return uint32(1 + 999*(p/200)) }, false},
	} {
		counts := make([]uint32, n*pixels)
		mask := make([]uint8, pixels)
		for i := range counts {
			counts[i] = c.count(i % pixels)
			if i < c.valid {
				mask[i] = 1
			}
		}
		arrays := append(scanArrays(n, stackU2("diff3d"))[1:], raw("diff3d", counts, n, 16, 16), raw("mask", mask, 16, 16))
		_, err := ReadScan(t.Context(), file(t, "s.npz", archive(t, true, arrays...)), ScanOptions{})
		if !c.bad && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c.bad {
			wantError(t, name, err, "", " of 256 pixels valid, with ")
			wantError(t, name, err, "", "1 means valid; if the mask is inverted, save 1 - mask")
		}
	}
}
