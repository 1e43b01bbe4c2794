package metrics

import (
	"context"
	"fmt"
	"math"
	"math/cmplx"

	"github.com/ptychogo/ptycho/core/raster"
)

// registrationUpsample is the inverse of Register's resolution in pixels.
const registrationUpsample = 50

// registrationRounds bounds the repetitions of Register. The window, which does not move with the image, biases every
// estimate towards 0. Up to three tenths of the error may remain after a round, so that eight suffice.
const registrationRounds = 8

// Register finds the shift (rows, columns; positive is down and right) from image to reference, to 1/50 pixel and up to
// limit pixels along each axis: the peak of the cross-correlation of the complex images, each minus its mean and under
// a Hann window, evaluated on the fine grid around the coarse peak. It is repeated with the shifted image until the
// shift is constant.
func Register(ctx context.Context, image, reference raster.Complex, limit float64) (shift [2]float64, err error) {
	if err := sameSize("register", image, reference); err != nil {
		return shift, err
	}
	moved := image
	for range registrationRounds {
		if err := ctx.Err(); err != nil {
			return [2]float64{}, err
		}
		d, err := register(moved, reference, limit)
		if err != nil {
			return [2]float64{}, err
		}
		for a := range shift {
			shift[a] = min(max(shift[a]+d[a], -limit), limit)
		}
		// A last step of one grid point is within the resolution.
		if max(math.Abs(d[0]), math.Abs(d[1])) < 1.5/registrationUpsample {
			break
		}
		moved = fourierShift(image, shift[0], shift[1])
	}
	for a := range shift {
		shift[a] = math.Round(shift[a]*registrationUpsample) / registrationUpsample
	}
	return shift, nil
}

// register runs one round of Register.
func register(image, reference raster.Complex, limit float64) (shift [2]float64, err error) {
	h, w := image.H, image.W
	if h < 4 || w < 4 {
		return shift, fmt.Errorf("metrics: register: the image of %d×%d pixels is too small", h, w)
	}
	if !(limit > 0) {
		return shift, fmt.Errorf("metrics: register: the largest shift is %v, want above 0", limit)
	}
	// Padding to powers of two of at least twice the size keeps the transform fast and the correlation from wrapping.
	ph, pw := 2*powerOfTwo(h), 2*powerOfTwo(w)
	f := raster.NewFourier(ph, pw)
	a, b := prepared(f, image, ph, pw), prepared(f, reference, ph, pw)
	product := make([]complex128, ph*pw)
	for i := range product {
		product[i] = b[i] * cmplx.Conj(a[i])
	}
	coarse := append([]complex128(nil), product...)
	f.Inverse(coarse)
	var at [2]int
	best := 0.0
	for i, v := range coarse {
		y, x := signed(i/pw, ph), signed(i%pw, pw)
		if math.Abs(float64(y)) > limit || math.Abs(float64(x)) > limit {
			continue
		}
		if m := cmplx.Abs(v); m > best {
			best, at = m, [2]int{y, x}
		}
	}
	if best == 0 {
		return shift, nil // a constant image: every shift is equal
	}
	return finePeak(product, at, ph, pw), nil
}

// finePeak returns the place (row, column) of the largest correlation on a fine grid of one pixel to each side of a
// pixel, from the product [ph, pw] of the two transforms, by the two sums of the transform: first over rows.
func finePeak(product []complex128, at [2]int, ph, pw int) (shift [2]float64) {
	const steps = 2*registrationUpsample + 1
	fine := func(q int) float64 { return float64(q-registrationUpsample) / registrationUpsample }
	rows := make([]complex128, steps*pw)
	for q := range steps {
		dy := float64(at[0]) + fine(q)
		for u := range ph {
			turn := cmplx.Rect(1, 2*math.Pi*float64(signed(u, ph))*dy/float64(ph))
			for v := range pw {
				rows[q*pw+v] += product[u*pw+v] * turn
			}
		}
	}
	best := -1.0
	for r := range steps {
		dx := float64(at[1]) + fine(r)
		turn := make([]complex128, pw)
		for v := range turn {
			turn[v] = cmplx.Rect(1, 2*math.Pi*float64(signed(v, pw))*dx/float64(pw))
		}
		for q := range steps {
			var s complex128
			for v, t := range turn {
				s += rows[q*pw+v] * t
			}
			if m := cmplx.Abs(s); m > best {
				best, shift = m, [2]float64{float64(at[0]) + fine(q), dx}
			}
		}
	}
	return shift
}

// prepared transforms the image minus its mean, under a Hann window, padded with zeros.
func prepared(f *raster.Fourier, img raster.Complex, ph, pw int) []complex128 {
	var m complex128
	for _, v := range img.Data {
		m += v
	}
	m /= complex(float64(len(img.Data)), 0)
	wy, wx := hann(img.H), hann(img.W)
	out := make([]complex128, ph*pw)
	for i, v := range img.Data {
		y, x := i/img.W, i%img.W
		out[y*pw+x] = (v - m) * complex(wy[y]*wx[x], 0)
	}
	f.Forward(out)
	return out
}

// fourierShift moves the image by (dy, dx) pixels, positive is down and right, with the full spectrum. The image is
// continued by reflection, so that the opposite edge does not leak in.
func fourierShift(img raster.Complex, dy, dx float64) raster.Complex {
	h, w := img.H, img.W
	out := raster.NewComplex(h, w)
	if h == 0 || w == 0 {
		return out
	}
	double := make([]complex128, 4*h*w)
	for y := range 2 * h {
		for x := range 2 * w {
			double[y*2*w+x] = img.Data[min(y, 2*h-1-y)*w+min(x, 2*w-1-x)]
		}
	}
	f := raster.NewFourier(2*h, 2*w)
	f.Forward(double)
	ty, tx := shiftFactors(2*h, dy), shiftFactors(2*w, dx)
	for y := range 2 * h {
		for x := range 2 * w {
			double[y*2*w+x] *= ty[y] * tx[x]
		}
	}
	f.Inverse(double)
	for y := range h {
		copy(out.Data[y*w:(y+1)*w], double[y*2*w:])
	}
	return out
}

func shiftFactors(n int, d float64) []complex128 {
	t := make([]complex128, n)
	for i := range t {
		k := signed(i, n)
		t[i] = cmplx.Rect(1, -2*math.Pi*float64(k)*d/float64(n))
		if 2*k == -n { // Nyquist represents both signs
			t[i] = complex(real(t[i]), 0)
		}
	}
	return t
}
