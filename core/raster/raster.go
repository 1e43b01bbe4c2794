// Package raster represents images: a height, a width and the pixels, row by row. A Stitcher combines reconstructed patches into one: it
// adds every patch at its sub-pixel scan position and averages where patches overlap.
//
// Coordinates are always (row y, column x); pixel (0, 0) is the first element and positive y is down. Those of a scan are in pixels of the
// object.
package raster

import (
	"fmt"
	"math"
	"math/cmplx"
)

// MaxPixels is the largest image that New and the constructors accept: 2^28 pixels, 4 GiB of complex128.
const MaxPixels = 1 << 28

// Complex is a complex image [H, W], row-major.
type Complex struct {
	H, W int
	Data []complex128
}

// Real is a real image [H, W], row-major.
type Real struct {
	H, W int
	Data []float64
}

// NewComplex returns a complex image of zeros. A negative side counts as 0.
func NewComplex(h, w int) Complex {
	h, w = max(h, 0), max(w, 0)
	return Complex{H: h, W: w, Data: make([]complex128, h*w)}
}

// NewReal returns a real image of zeros. A negative side counts as 0.
func NewReal(h, w int) Real {
	h, w = max(h, 0), max(w, 0)
	return Real{H: h, W: w, Data: make([]float64, h*w)}
}

// FromComplex64 copies data, [h, w] row-major, into an image.
func FromComplex64(h, w int, data []complex64) (Complex, error) {
	if err := check(h, w, len(data)); err != nil {
		return Complex{}, err
	}
	c := NewComplex(h, w)
	for i, v := range data {
		c.Data[i] = complex128(v)
	}
	return c, nil
}

// Validate checks that the sides and the number of pixels agree.
func (c Complex) Validate() error { return check(c.H, c.W, len(c.Data)) }

func check(h, w, n int) error {
	switch {
	case h <= 0 || w <= 0:
		return fmt.Errorf("raster: the image of %d×%d pixels is empty", h, w)
	case h > MaxPixels/w:
		return fmt.Errorf("raster: the image of %d×%d pixels is larger than %d pixels", h, w, MaxPixels)
	case n != h*w:
		return fmt.Errorf("raster: the image of %d×%d pixels has %d values, want %d", h, w, n, h*w)
	}
	return nil
}

// At returns pixel (y, x), 0 outside the image.
func (c Complex) At(y, x int) complex128 {
	if uint(y) >= uint(c.H) || uint(x) >= uint(c.W) {
		return 0
	}
	return c.Data[y*c.W+x]
}

// At returns pixel (y, x), 0 outside the image.
func (r Real) At(y, x int) float64 {
	if uint(y) >= uint(r.H) || uint(x) >= uint(r.W) {
		return 0
	}
	return r.Data[y*r.W+x]
}

// Sample returns the image at the real coordinate (y, x), bilinear; each of the four taps is 0 outside the image.
func (c Complex) Sample(y, x float64) complex128 {
	k, l, fy, fx, ok := taps(y, x, c.H, c.W)
	if !ok {
		return 0
	}
	top := lerp(c.At(k, l), c.At(k, l+1), fx)
	return lerp(top, lerp(c.At(k+1, l), c.At(k+1, l+1), fx), fy)
}

// taps returns the upper left of the four pixels around (y, x) and the fractions below and right of it. ok is false if
// all four are outside, or a coordinate is not a number.
func taps(y, x float64, h, w int) (k, l int, fy, fx float64, ok bool) {
	if !(y > -1 && y < float64(h) && x > -1 && x < float64(w)) {
		return 0, 0, 0, 0, false
	}
	ky, kx := math.Floor(y), math.Floor(x)
	return int(ky), int(kx), y - ky, x - kx, true
}

func lerp(a, b complex128, f float64) complex128 {
	return complex((1-f)*real(a)+f*real(b), (1-f)*imag(a)+f*imag(b))
}

// Crop copies the h×w pixels with upper left (y, x). It fails unless all are inside.
func (c Complex) Crop(y, x, h, w int) (Complex, error) {
	if err := cropFits(y, x, h, w, c.H, c.W); err != nil {
		return Complex{}, err
	}
	out := NewComplex(h, w)
	for i := range h {
		copy(out.Data[i*w:(i+1)*w], c.Data[(y+i)*c.W+x:])
	}
	return out, nil
}

// shrink returns the h×w pixels with upper left (y, x) of rows of the given width. It moves them to the beginning of data, so that a large
// image is never in memory twice.
func shrink[T any](data []T, width, y, x, h, w int) []T {
	for i := range h {
		copy(data[i*w:(i+1)*w], data[(y+i)*width+x:])
	}
	return data[: h*w : h*w]
}

func cropFits(y, x, h, w, height, width int) error {
	if y < 0 || x < 0 || h <= 0 || w <= 0 || y > height-h || x > width-w {
		return fmt.Errorf("raster: crop: %d×%d pixels at row %d, column %d are not inside an image of %d×%d", h, w, y, x, height, width)
	}
	return nil
}

// Abs returns the amplitude of each pixel in a new image.
func (c Complex) Abs() Real {
	out := NewReal(c.H, c.W)
	for i, v := range c.Data {
		out.Data[i] = cmplx.Abs(v)
	}
	return out
}

// Phase returns the phase in (−π, π].
func (c Complex) Phase() Real {
	out := NewReal(c.H, c.W)
	for i, v := range c.Data {
		out.Data[i] = cmplx.Phase(v)
	}
	return out
}

// Complex64 copies the pixels, row-major.
func (c Complex) Complex64() []complex64 {
	out := make([]complex64, len(c.Data))
	for i, v := range c.Data {
		out[i] = complex64(v)
	}
	return out
}

// Float32 copies the pixels, row-major.
func (r Real) Float32() []float32 {
	out := make([]float32, len(r.Data))
	for i, v := range r.Data {
		out[i] = float32(v)
	}
	return out
}

// Finite reports whether all pixels are finite.
func (c Complex) Finite() bool {
	for _, v := range c.Data {
		if cmplx.IsNaN(v) || cmplx.IsInf(v) {
			return false
		}
	}
	return true
}
