package examine

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
