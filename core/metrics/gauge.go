package metrics

import (
	"math"
	"math/cmplx"

	"github.com/ptychogo/ptycho/core/raster"
)

// Plane is the phase Offset + Y·y + X·x in rad, with y and x in pixels from the image's pixel (0, 0). Ptychography
// cannot determine such a part of the object: a global phase, and with an unknown probe a linear ramp.
type Plane struct {
	Offset Number `json:"offset_rad"`
	Y      Number `json:"y_rad_per_px"`
	X      Number `json:"x_rad_per_px"`
}

// factors returns the factors that remove the plane from an image of h×w pixels: rows[y]·cols[x] for pixel (y, x).
func (p Plane) factors(h, w int) (rows, cols []complex128) {
	rows, cols = make([]complex128, h), make([]complex128, w)
	for y := range rows {
		rows[y] = cmplx.Rect(1, -float64(p.Offset)-float64(p.Y)*float64(y))
	}
	for x := range cols {
		cols[x] = cmplx.Rect(1, -float64(p.X)*float64(x))
	}
	return rows, cols
}

// Remove returns the image without the plane in its phase.
func (p Plane) Remove(img raster.Complex) raster.Complex {
	out := raster.NewComplex(img.H, img.W)
	ty, tx := p.factors(img.H, img.W)
	for i, v := range img.Data {
		out.Data[i] = v * ty[i/img.W] * tx[i%img.W]
	}
	return out
}

// globalPhase returns the phase of image relative to reference: arg Σ conj(reference)·image.
func globalPhase(image, reference raster.Complex) (Plane, error) {
	if err := sameSize("global phase", image, reference); err != nil {
		return Plane{}, err
	}
	return Plane{Offset: Number(cmplx.Phase(inner(reference.Data, image.Data)))}, nil
}

// phaseRamp returns the plane in the phase of image relative to reference. The peak of the transform of
// conj(reference)·image gives it to half a fringe, independent of wraps; weighted least squares on the remaining phase
// refine it.
func phaseRamp(image, reference raster.Complex) (Plane, error) {
	if err := sameSize("phase ramp", image, reference); err != nil {
		return Plane{}, err
	}
	h, w := image.H, image.W
	z := make([]complex128, h*w)
	for i := range z {
		z[i] = cmplx.Conj(reference.Data[i]) * image.Data[i]
	}
	// Padding to powers of two, at least twofold, halves the fringe and keeps the transform fast.
	ph, pw := 2*powerOfTwo(h), 2*powerOfTwo(w)
	padded := make([]complex128, ph*pw)
	for y := range h {
		copy(padded[y*pw:], z[y*w:(y+1)*w])
	}
	raster.NewFourier(ph, pw).Forward(padded)
	best, at := -1.0, 0
	for i, v := range padded {
		if m := real(v)*real(v) + imag(v)*imag(v); m > best {
			best, at = m, i
		}
	}
	y := 2 * math.Pi * float64(signed(at/pw, ph)) / float64(ph)
	x := 2 * math.Pi * float64(signed(at%pw, pw)) / float64(pw)

	return refineRamp(z, h, w, y, x), nil
}

// refineRamp finds the plane of the phases of z [h, w] from approximate slopes in rad per pixel along rows and columns.
// It converges in a few rounds, each of which solves the weighted 3×3 normal equations of the remaining phase.
// Coordinates are centred, for the condition and so that a slope does not change the offset.
func refineRamp(z []complex128, h, w int, y, x float64) Plane {
	cy, cx := float64(h-1)/2, float64(w-1)/2
	var offset float64
	for range 20 {
		ty, tx := Plane{Y: Number(y), X: Number(x)}.factors(h, w)
		var total complex128
		for i, v := range z {
			total += v * ty[i/w] * tx[i%w]
		}
		offset = cmplx.Phase(total)
		turn := cmplx.Rect(1, -offset)
		var a [3][4]float64
		for i, v := range z {
			r := v * ty[i/w] * tx[i%w] * turn
			weight := cmplx.Abs(r)
			b := [3]float64{1, float64(i/w) - cy, float64(i%w) - cx}
			phase := cmplx.Phase(r)
			for j := range b {
				for k := range b {
					a[j][k] += weight * b[j] * b[k]
				}
				a[j][3] += weight * b[j] * phase
			}
		}
		s, ok := solve3(a)
		if !ok {
			break // fewer than three pixels in general position: keep the peak
		}
		y, x = y+s[1], x+s[2]
		offset += s[0] - s[1]*cy - s[2]*cx
		if math.Abs(s[1])*float64(h)+math.Abs(s[2])*float64(w) < 1e-10 {
			break
		}
	}
	return Plane{Offset: Number(math.Remainder(offset, 2*math.Pi)), Y: Number(y), X: Number(x)}
}

// solve3 solves three equations, the right-hand side in column 3, with partial pivoting.
func solve3(a [3][4]float64) ([3]float64, bool) {
	scale := 0.0
	for i := range 3 {
		scale = max(scale, math.Abs(a[i][i]))
	}
	for c := range 3 {
		p := c
		for r := c + 1; r < 3; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[p][c]) {
				p = r
			}
		}
		if !(math.Abs(a[p][c]) > 1e-13*scale) {
			return [3]float64{}, false
		}
		a[c], a[p] = a[p], a[c]
		for r := range 3 {
			if r == c {
				continue
			}
			q := a[r][c] / a[c][c]
			for k := c; k < 4; k++ {
				a[r][k] -= q * a[c][k]
			}
		}
	}
	return [3]float64{a[0][3] / a[0][0], a[1][3] / a[1][1], a[2][3] / a[2][2]}, true
}

// amplitudeFactor returns the least-squares factor from |image| to |reference|, Σ|image||reference| / Σ|image|²; NaN
// for an image of zeros.
func amplitudeFactor(image, reference raster.Complex) (float64, error) {
	if err := sameSize("amplitude factor", image, reference); err != nil {
		return 0, err
	}
	var ab, aa float64
	for i, v := range image.Data {
		a := cmplx.Abs(v)
		ab += a * cmplx.Abs(reference.Data[i])
		aa += a * a
	}
	if aa == 0 {
		return math.NaN(), nil
	}
	return ab / aa, nil
}

// inner returns Σ conj(a)·b.
func inner(a, b []complex128) complex128 {
	var s complex128
	for i, v := range a {
		s += cmplx.Conj(v) * b[i]
	}
	return s
}

func powerOfTwo(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}
