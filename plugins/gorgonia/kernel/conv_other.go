//go:build !amd64

package kernel

// The kernels are never called on this architecture.
func tile8x48(int, *int64, *float32, *float32, *float32, int, *float32, int) {
	panic("conv: no AVX-512")
}
func tile2x96(int, *int64, *float32, *float32, *float32, int, *float32, int) {
	panic("conv: no AVX-512")
}
func tile4x24(int, *int64, *float32, *float32, *float32, int, *float32, int) { panic("conv: no AVX2") }
func dot3x9(int, *int64, *float32, *float32, *float32, *float32, *float32)   { panic("conv: no AVX-512") }
func dot1x9(int, *int64, *float32, *float32, *float32)                       { panic("conv: no AVX2") }
func masked8(int, *float32, *float32, *float32)                              { panic("conv: no AVX2") }
