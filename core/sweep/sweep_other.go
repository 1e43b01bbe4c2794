//go:build !amd64

package sweep

// The kernels are never called on this architecture.
func sweep16AVX2(int, int, *uint16, *uint16, *state16, *Hit) int   { panic("sweep: no AVX2") }
func sweep32AVX2(int, int, *float32, *float32, *state32, *Hit) int { panic("sweep: no AVX2") }
func above32AVX2(int, int, *float32, *float32, *Hit) int           { panic("sweep: no AVX2") }
