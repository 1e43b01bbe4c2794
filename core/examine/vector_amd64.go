package examine

// The kernels of vector_amd64.s; n is the number of counts, a positive multiple of the lanes.

//go:noescape
func widen16AVX2(n int, counts *uint16, out *float32)

//go:noescape
func gather16AVX2(n int, counts, least, most *uint16, sum *uint32)

//go:noescape
func bound32AVX2(n int, counts, least, most *float32)

//go:noescape
func add32AVX2(n int, counts *float32, sum *float64)
