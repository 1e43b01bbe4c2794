package examine

import "github.com/ptychogo/ptycho/internal/machine"

// useVectors selects the AVX2 kernels, as in core/sweep.
var useVectors = vectors()

func vectors() bool {
	path, err := machine.SelectInstructions()
	return err == nil && path != machine.Portable
}

// lanes16 and lanes32 are the counts of one vector.
const lanes16, lanes32 = 16, 8

// What the tests of the few frames do with a frame's counts. The kernels and plain Go have the same results.

// widen16 converts counts.
func widen16(out []float32, counts []uint16) {
	counts, n := counts[:len(out)], 0
	if useVectors && len(out) >= lanes32 {
		n = len(out) - len(out)%lanes32
		widen16AVX2(n, &counts[0], &out[0])
	}
	for i, k := range counts[n:] {
		out[n+i] = float32(k)
	}
}

// gather16 lowers the least and raises the largest values of each pixel to those of a frame, and adds it.
func gather16(counts, least, most []uint16, sum []uint32) {
	least, most, sum = least[:len(counts)], most[:len(counts)], sum[:len(counts)]
	n := 0
	if useVectors && len(counts) >= lanes16 {
		n = len(counts) - len(counts)%lanes16
		gather16AVX2(n, &counts[0], &least[0], &most[0], &sum[0])
	}
	for i := n; i < len(counts); i++ {
		k := counts[i]
		least[i], most[i], sum[i] = min(least[i], k), max(most[i], k), sum[i]+uint32(k)
	}
}

// bound32 lowers the least and raises the largest values of each pixel to those of a frame.
func bound32(counts, least, most []float32) {
	least, most = least[:len(counts)], most[:len(counts)]
	n := 0
	if useVectors && len(counts) >= lanes32 {
		n = len(counts) - len(counts)%lanes32
		bound32AVX2(n, &counts[0], &least[0], &most[0])
	}
	for i := n; i < len(counts); i++ {
		least[i], most[i] = min(least[i], counts[i]), max(most[i], counts[i])
	}
}

// add32 adds a frame.
func add32(counts []float32, sum []float64) {
	sum = sum[:len(counts)]
	n := 0
	if useVectors && len(counts) >= lanes32 {
		n = len(counts) - len(counts)%lanes32
		add32AVX2(n, &counts[0], &sum[0])
	}
	for i := n; i < len(counts); i++ {
		sum[i] += float64(counts[i])
	}
}
