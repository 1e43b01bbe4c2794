//go:build !amd64

package solve

func mulAVX2(n int, dst, a, b *complex64)                                  { panic("no vector unit") }
func mulConjAVX2(n int, dst, a, b *complex64)                              { panic("no vector unit") }
func addMulConjAVX2(n int, dst, a, b *complex64)                           { panic("no vector unit") }
func gatherAVX2(n int, dst, a, b *complex64, w *[4]float32)                { panic("no vector unit") }
func addGatherAVX2(n int, dst, a, b *complex64, w *[4]float32)             { panic("no vector unit") }
func addIntensityAVX2(n int, lambda *float32, f *complex64, scale float32) { panic("no vector unit") }
func maxIntensityAVX2(n int, f *complex64, most *[8]float32)               { panic("no vector unit") }
func amplitudeAVX2(n int, factor, lambda, k *float32, sums *[16]float32)   { panic("no vector unit") }
func poissonAVX2(n int, factor, lambda, k *float32, sums *[16]float32)     { panic("no vector unit") }
func devianceAVX2(n int, lambda, k *float32, c *[16]float32, sum *[8]float32) {
	panic("no vector unit")
}
