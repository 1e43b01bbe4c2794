package raster

import (
	"math"
)

// Extract samples the n×n patch of a pattern whose pixel n/2 is at object pixel (y, x), in real coordinates relative to
// the object's origin. It is bilinear; each of the four taps is 0 outside the object. It is the adjoint of Add with
// weight 1, before the division by the weights.
func Extract(object Complex, y, x float64, n int) []complex128 {
	patch := make([]complex128, max(n, 0)*max(n, 0))
	ExtractTo(patch, object, y, x, n)
	return patch
}

// ExtractTo samples into patch, which must have n·n values, as Extract does.
func ExtractTo(patch []complex128, object Complex, y, x float64, n int) {
	clear(patch)
	top, left := y-float64(n/2), x-float64(n/2)
	h, w := object.H, object.W
	// Also false for NaN.
	if !(top > float64(-n-1) && top < float64(h) && left > float64(-n-1) && left < float64(w)) {
		return
	}
	ky, kx := math.Floor(top), math.Floor(left)
	k, l, fy, fx := int(ky), int(kx), top-ky, left-kx
	share := [4]float64{(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx}
	for q, a := range share {
		if a == 0 {
			continue
		}
		from, col := k+q>>1, l+q&1
		j0, j1 := max(0, -col), min(n, w-col)
		if j0 >= j1 {
			continue
		}
		for i := max(0, -from); i < min(n, h-from); i++ {
			src := object.Data[(from+i)*w+col+j0:][:j1-j0]
			dst := patch[i*n+j0:][:j1-j0]
			for j, v := range src {
				dst[j] += complex(a*real(v), a*imag(v))
			}
		}
	}
}
