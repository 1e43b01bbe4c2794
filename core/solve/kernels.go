package solve

import (
	"math"

	"github.com/ptychogo/ptycho/internal/machine"
)

// useVectors selects the AVX2 kernels; PTYCHO_CPU=generic forces the plain loops, as in core/fft. The two round
// differently, so that the bits of a result depend on the path.
var useVectors = vectors()

func vectors() bool {
	path, err := machine.SelectInstructions()
	return err == nil && path != machine.Portable
}

// whole returns the part of n that the vector kernels process.
func whole(n, lanes int) int {
	if !useVectors {
		return 0
	}
	return n - n%lanes
}

// multiply computes dst = a·b.
func multiply(dst, a, b []complex64) {
	n := whole(len(dst), 4)
	if n > 0 {
		mulAVX2(n, &dst[0], &a[0], &b[0])
	}
	for i := n; i < len(dst); i++ {
		dst[i] = a[i] * b[i]
	}
}

// multiplyConj computes dst = conj(a)·b.
func multiplyConj(dst, a, b []complex64) {
	n := whole(len(dst), 4)
	if n > 0 {
		mulConjAVX2(n, &dst[0], &a[0], &b[0])
	}
	for i := n; i < len(dst); i++ {
		dst[i] = conj(a[i]) * b[i]
	}
}

// addMultiplyConj computes dst += conj(a)·b.
func addMultiplyConj(dst, a, b []complex64) {
	n := whole(len(dst), 4)
	if n > 0 {
		addMulConjAVX2(n, &dst[0], &a[0], &b[0])
	}
	for i := n; i < len(dst); i++ {
		dst[i] += conj(a[i]) * b[i]
	}
}

// gather computes dst[x] = w0·a[x] + w1·a[x+1] + w2·b[x] + w3·b[x+1]: a row between four pixels. a and b have one more
// value.
func gather(dst, a, b []complex64, w *[4]float32) {
	n := whole(len(dst), 4)
	if n > 0 {
		gatherAVX2(n, &dst[0], &a[0], &b[0], w)
	}
	for i := n; i < len(dst); i++ {
		dst[i] = times(w[0], a[i]) + times(w[1], a[i+1]) + times(w[2], b[i]) + times(w[3], b[i+1])
	}
}

// addGather adds the result of gather to dst.
func addGather(dst, a, b []complex64, w *[4]float32) {
	n := whole(len(dst), 4)
	if n > 0 {
		addGatherAVX2(n, &dst[0], &a[0], &b[0], w)
	}
	for i := n; i < len(dst); i++ {
		dst[i] += times(w[0], a[i]) + times(w[1], a[i+1]) + times(w[2], b[i]) + times(w[3], b[i+1])
	}
}

// addIntensity computes lambda += scale·|f|².
func addIntensity(lambda []float32, f []complex64, scale float32) {
	n := whole(len(lambda), 8)
	if n > 0 {
		addIntensityAVX2(n, &lambda[0], &f[0], scale)
	}
	for i := n; i < len(lambda); i++ {
		lambda[i] += scale * abs2(f[i])
	}
}

// maxIntensity returns the largest |f|².
func maxIntensity(f []complex64) float32 {
	n, most := whole(len(f), 8), float32(0)
	if n > 0 {
		var lanes [8]float32
		maxIntensityAVX2(n, &f[0], &lanes)
		for _, v := range lanes {
			most = max(most, v)
		}
	}
	for _, v := range f[n:] {
		most = max(most, abs2(v))
	}
	return most
}

// tinyIntensity keeps quotients finite for λ = 0.
const tinyIntensity = 1e-20

// amplitudeFactor computes g = √(k/λ) − 1, the correction of the amplitude. It returns the misfit Σ(√λ − √k)² and the
// total Σλ.
func amplitudeFactor(g, lambda, k []float32) (misfit, total float64) {
	n := whole(len(g), 8)
	if n > 0 {
		var sums [16]float32
		amplitudeAVX2(n, &g[0], &lambda[0], &k[0], &sums)
		misfit, total = lanes(sums[:8]), lanes(sums[8:])
	}
	for i := n; i < len(g); i++ {
		g[i] = float32(math.Sqrt(float64(k[i]/(lambda[i]+tinyIntensity)))) - 1
		misfit += float64(lambda[i] * g[i] * g[i])
		total += float64(lambda[i])
	}
	return misfit, total
}

// poissonFactor computes g = k/λ − 1, the negative derivative of the Poisson loss. It returns the sums of
// amplitudeFactor.
func poissonFactor(g, lambda, k []float32) (misfit, total float64) {
	n := whole(len(g), 8)
	if n > 0 {
		var sums [16]float32
		poissonAVX2(n, &g[0], &lambda[0], &k[0], &sums)
		misfit, total = lanes(sums[:8]), lanes(sums[8:])
	}
	for i := n; i < len(g); i++ {
		g[i] = k[i]/(lambda[i]+tinyIntensity) - 1
		d := float32(math.Sqrt(float64(lambda[i]))) - float32(math.Sqrt(float64(k[i])))
		misfit += float64(d * d)
		total += float64(lambda[i])
	}
	return misfit, total
}

// logarithm holds the bits of 2/3, which splits a float32 into 2^e·m with m in [2/3, 4/3), ln 2, −1/2, and the
// polynomial q, highest power first, of ln(1+f) = f − f²/2 + f³·q(f): least squares on Chebyshev nodes, with an error
// of 2.4e-9.
var logarithm = [16]float32{
	math.Float32frombits(0x3f2aaaab), math.Ln2, -0.5,
	-0.12767791, 0.13892041, -0.12213629, 0.14025723, -0.16678289, 0.20009116, -0.24999849, 0.3333324,
}

// halfDeviance returns Σ(λ − k + k·ln(k/λ)).
func halfDeviance(lambda, k []float32) float64 {
	n, sum := whole(len(k), 8), 0.0
	if n > 0 {
		var s [8]float32
		devianceAVX2(n, &lambda[0], &k[0], &logarithm, &s)
		sum = lanes(s[:])
	}
	for i := n; i < len(k); i++ {
		d := float64(lambda[i]) - float64(k[i])
		if k[i] > 0 {
			d += float64(k[i]) * math.Log(float64(k[i])/math.Max(float64(lambda[i]), tinyIntensity))
		}
		sum += d
	}
	return sum
}

func lanes(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x)
	}
	return sum
}

func conj(v complex64) complex64 { return complex(real(v), -imag(v)) }

func abs2(v complex64) float32 { return real(v)*real(v) + imag(v)*imag(v) }

func times(w float32, v complex64) complex64 { return complex(w*real(v), w*imag(v)) }
