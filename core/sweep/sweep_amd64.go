package sweep

// The kernels of sweep_amd64.s. They look at the counts from one to before another, multiples of the lanes, and return the number of hits.

//go:noescape
func sweep16AVX2(from, to int, counts, most *uint16, s *state16, hits *Hit) int

//go:noescape
func sweep32AVX2(from, to int, counts, most *float32, s *state32, hits *Hit) int

//go:noescape
func above32AVX2(from, to int, counts, least *float32, hits *Hit) int
