package solve

// The kernels of kernels_amd64.s; n is the number of values of dst, a multiple of 4 for complex values and of 8 for
// real ones.

//go:noescape
func mulAVX2(n int, dst, a, b *complex64)

//go:noescape
func mulConjAVX2(n int, dst, a, b *complex64)

//go:noescape
func addMulConjAVX2(n int, dst, a, b *complex64)

//go:noescape
func gatherAVX2(n int, dst, a, b *complex64, w *[4]float32)

//go:noescape
func addGatherAVX2(n int, dst, a, b *complex64, w *[4]float32)

//go:noescape
func addIntensityAVX2(n int, lambda *float32, f *complex64, scale float32)

//go:noescape
func maxIntensityAVX2(n int, f *complex64, most *[8]float32)

//go:noescape
func amplitudeAVX2(n int, factor, lambda, k *float32, sums *[16]float32)

//go:noescape
func poissonAVX2(n int, factor, lambda, k *float32, sums *[16]float32)

//go:noescape
func devianceAVX2(n int, lambda, k *float32, c *[16]float32, sum *[8]float32)
