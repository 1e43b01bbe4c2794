//go:build !amd64

package examine

// The kernels are never called on this architecture.
func widen16AVX2(int, *uint16, *float32)                   { panic("examine: no AVX2") }
func gather16AVX2(int, *uint16, *uint16, *uint16, *uint32) { panic("examine: no AVX2") }
func bound32AVX2(int, *float32, *float32, *float32)        { panic("examine: no AVX2") }
func add32AVX2(int, *float32, *float64)                    { panic("examine: no AVX2") }
