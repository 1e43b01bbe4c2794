package simulate

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"

	"github.com/ptychogo/ptycho/core/raster"
)

// ObjectKind is a kind of object.
type ObjectKind int

// The kinds of objects. Amplitudes are at most 1.
const (
	Lines  ObjectKind = iota // random lines at three blurs, phase derived from the amplitude
	Fields                   // random fields with power laws: fine amplitude and strong, slow phase
	Cells                    // overlapping cells: weak absorption, phase proportional to thickness
	Blocks                   // tilted rectangles with hard edges, strong in amplitude and phase
)

var objectNames = []string{"lines", "fields", "cells", "blocks"}

func (k ObjectKind) String() string { return name(objectNames, int(k)) }

// ObjectNames lists the names of the kinds.
func ObjectNames() []string { return slices.Clone(objectNames) }

// ParseObject parses a name given by ObjectKind.String.
func ParseObject(s string) (ObjectKind, error) {
	i, err := parse("--object", objectNames, s)
	return ObjectKind(i), err
}

// newObject draws an object of h×w pixels, both at least 2. The same seed gives the same object.
func newObject(kind ObjectKind, h, w int, seed uint64) (raster.Complex, error) {
	if h < 2 || w < 2 || h > raster.MaxPixels/4/w {
		return raster.Complex{}, fmt.Errorf("simulate: the object has %d×%d pixels, want at least 2×2", h, w)
	}
	rng := stream(seed, objectStream, uint64(kind))
	switch kind {
	case Lines:
		return lines(rng, h, w), nil
	case Fields:
		return fields(rng, h, w), nil
	case Cells:
		return cells(rng, h, w), nil
	case Blocks:
		return blocks(rng, h, w), nil
	}
	return raster.Complex{}, fmt.Errorf("simulate: unknown object %v", kind)
}

// lines draws 400 random lines on a canvas of twice the sides and returns the centre of Y = blur σ1 + 2·blur σ5 +
// 5·blur σ10; the phase is π·tanh((Y − max/2)/(3·mean)).
func lines(rng *rand.Rand, h, w int) raster.Complex {
	canvas := raster.NewReal(2*h, 2*w)
	for range 400 {
		drawLine(canvas, rng.IntN(canvas.H), rng.IntN(canvas.W), rng.IntN(canvas.H), rng.IntN(canvas.W))
	}
	sum := raster.NewReal(2*h, 2*w)
	for _, layer := range []struct{ sigma, weight float64 }{{1, 1}, {5, 2}, {10, 5}} {
		for i, v := range blur(canvas, layer.sigma).Data {
			sum.Data[i] += layer.weight * v
		}
	}
	var most, total float64
	for y := range h {
		for x := range w {
			v := sum.At(y+h/2, x+w/2)
			most = max(most, v)
			total += v
		}
	}
	out := raster.NewComplex(h, w)
	if most == 0 { // no line in the centre: an empty beam
		for i := range out.Data {
			out.Data[i] = 1
		}
		return out
	}
	mean := total / float64(h*w)
	for i := range out.Data {
		v := sum.At(i/w+h/2, i%w+w/2)
		out.Data[i] = cmplx.Rect(v/most, math.Pi*math.Tanh((v-most/2)/(3*mean)))
	}
	return out
}

// drawLine sets the pixels from (y0, x0) to (y1, x1) to 1 (Bresenham 1965).
func drawLine(img raster.Real, y0, x0, y1, x1 int) {
	dy, dx := y1-y0, x1-x0
	sy, sx := 1, 1
	if dy < 0 {
		dy, sy = -dy, -1
	}
	if dx < 0 {
		dx, sx = -dx, -1
	}
	for rest := dx - dy; ; {
		img.Data[y0*img.W+x0] = 1
		if y0 == y1 && x0 == x1 {
			return
		}
		twice := 2 * rest
		if twice > -dy {
			rest -= dy
			x0 += sx
		}
		if twice < dx {
			rest += dx
			y0 += sy
		}
	}
}

// fields returns a fine amplitude, |k|^-1.2, about 0.7, and a slow phase, |k|^-2.2, with a standard deviation of 0.8
// rad.
func fields(rng *rand.Rand, h, w int) raster.Complex {
	a, p := powerLaw(rng, h, w, 1.2), powerLaw(rng, h, w, 2.2)
	out := raster.NewComplex(h, w)
	for i := range out.Data {
		out.Data[i] = cmplx.Rect(min(max(0.7+0.1*a.Data[i], 0.1), 1), 0.8*p.Data[i])
	}
	return out
}

// powerLaw returns a Gaussian random field with Fourier amplitudes |k|^-p, mean 0 and standard deviation 1. It is cut
// from a field of twice the sides, so that opposite edges do not match.
func powerLaw(rng *rand.Rand, h, w int, p float64) raster.Real {
	ch, cw := smooth(2*h), smooth(2*w)
	noise := make([]complex128, ch*cw)
	for i := range noise {
		noise[i] = complex(rng.NormFloat64(), 0)
	}
	f := raster.NewFourier(ch, cw)
	f.Forward(noise)
	for i := range noise {
		ky, kx := float64(i/cw)/float64(ch), float64(i%cw)/float64(cw)
		ky, kx = min(ky, 1-ky), min(kx, 1-kx)
		k := math.Hypot(ky, kx)
		if k == 0 {
			noise[i] = 0
			continue
		}
		noise[i] *= complex(math.Pow(k, -p), 0)
	}
	f.Inverse(noise)
	out := raster.NewReal(h, w)
	var sum, square float64
	for i := range out.Data {
		v := real(noise[(i/w+h/2)*cw+i%w+w/2])
		out.Data[i] = v
		sum += v
	}
	mean := sum / float64(h*w)
	for _, v := range out.Data {
		square += (v - mean) * (v - mean)
	}
	deviation := math.Sqrt(square / float64(h*w))
	for i, v := range out.Data {
		out.Data[i] = (v - mean) / deviation
	}
	return out
}

// smooth returns the smallest length, at least n, whose prime factors are 2, 3 and 5, for fast transforms.
func smooth(n int) int {
	for ; ; n++ {
		rest := n
		for _, p := range []int{2, 3, 5} {
			for rest%p == 0 {
				rest /= p
			}
		}
		if rest == 1 {
			return n
		}
	}
}

// cells superimposes ellipsoids with a denser nucleus; the thickness at each point absorbs a little and shifts the
// phase.
func cells(rng *rand.Rand, h, w int) raster.Complex {
	thickness := raster.NewReal(h, w)
	// One cell per 500 pixels, of radii 8 to 22, covers each pixel about once.
	for range h*w/500 + 1 {
		y, x := rng.Float64()*float64(h), rng.Float64()*float64(w)
		a, b := 8+14*rng.Float64(), 8+14*rng.Float64()
		angle, dense := math.Pi*rng.Float64(), 0.6+0.8*rng.Float64()
		ellipsoid(thickness, y, x, a, b, angle, dense)
		ellipsoid(thickness, y+0.3*a*(rng.Float64()-0.5), x+0.3*b*(rng.Float64()-0.5), 0.35*a, 0.3*b, angle, 0.7*dense)
	}
	out := raster.NewComplex(h, w)
	for i, t := range blur(thickness, 0.7).Data {
		out.Data[i] = cmplx.Rect(math.Exp(-0.12*t), 0.4*t)
	}
	return out
}

// ellipsoid adds the thickness of an ellipsoid centred at (y, x).
func ellipsoid(img raster.Real, y, x, a, b, angle, peak float64) {
	s, c := math.Sincos(angle)
	reach := max(a, b)
	for i := max(0, int(y-reach)); i <= min(img.H-1, int(y+reach)+1); i++ {
		for j := max(0, int(x-reach)); j <= min(img.W-1, int(x+reach)+1); j++ {
			dy, dx := float64(i)-y, float64(j)-x
			u, v := (c*dy+s*dx)/a, (c*dx-s*dy)/b
			if r := 1 - u*u - v*v; r > 0 {
				img.Data[i*img.W+j] += peak * math.Sqrt(r)
			}
		}
	}
}

// blocks superimposes tilted rectangles, each with its amplitude and phase; later ones hide earlier ones.
func blocks(rng *rand.Rand, h, w int) raster.Complex {
	a, p := raster.NewReal(h, w), raster.NewReal(h, w)
	for i := range a.Data {
		a.Data[i] = 0.9
	}
	for range h*w/400 + 1 {
		y, x := rng.Float64()*float64(h), rng.Float64()*float64(w)
		half := [2]float64{4 + 14*rng.Float64(), 4 + 14*rng.Float64()}
		s, c := math.Sincos(math.Pi * rng.Float64())
		amplitude, phase := 0.3+0.7*rng.Float64(), 1.2*(2*rng.Float64()-1)
		reach := math.Hypot(half[0], half[1])
		for i := max(0, int(y-reach)); i <= min(h-1, int(y+reach)+1); i++ {
			for j := max(0, int(x-reach)); j <= min(w-1, int(x+reach)+1); j++ {
				dy, dx := float64(i)-y, float64(j)-x
				if math.Abs(c*dy+s*dx) < half[0] && math.Abs(c*dx-s*dy) < half[1] {
					a.Data[i*w+j], p.Data[i*w+j] = amplitude, phase
				}
			}
		}
	}
	// A blur of half a pixel represents the detector's finite resolution.
	a, p = blur(a, 0.5), blur(p, 0.5)
	out := raster.NewComplex(h, w)
	for i := range out.Data {
		out.Data[i] = cmplx.Rect(a.Data[i], p.Data[i])
	}
	return out
}

// blur convolves with a Gaussian of sum 1, truncated at 4σ; the image is continued by reflection.
func blur(img raster.Real, sigma float64) raster.Real {
	reach := int(math.Ceil(4 * sigma))
	kernel := make([]float64, reach+1) // one side
	sum := 0.0
	for i := range kernel {
		kernel[i] = math.Exp(-float64(i*i) / (2 * sigma * sigma))
		sum += kernel[i]
		if i > 0 {
			sum += kernel[i]
		}
	}
	for i := range kernel {
		kernel[i] /= sum
	}
	mirror := func(i, n int) int {
		i %= 2 * n
		if i < 0 {
			i += 2 * n
		}
		return min(i, 2*n-1-i)
	}
	half, out := raster.NewReal(img.H, img.W), raster.NewReal(img.H, img.W)
	for y := range img.H { // along rows
		src, dst := img.Data[y*img.W:(y+1)*img.W], half.Data[y*img.W:(y+1)*img.W]
		for x := range dst {
			v := kernel[0] * src[x]
			for i := 1; i <= reach; i++ {
				if x >= i && x+i < img.W {
					v += kernel[i] * (src[x-i] + src[x+i])
				} else {
					v += kernel[i] * (src[mirror(x-i, img.W)] + src[mirror(x+i, img.W)])
				}
			}
			dst[x] = v
		}
	}
	for y := range img.H { // down columns, a row at a time
		dst := out.Data[y*img.W : (y+1)*img.W]
		for x, v := range half.Data[y*img.W : (y+1)*img.W] {
			dst[x] = kernel[0] * v
		}
		for i := 1; i <= reach; i++ {
			up, down := half.Data[mirror(y-i, img.H)*img.W:], half.Data[mirror(y+i, img.H)*img.W:]
			for x := range dst {
				dst[x] += kernel[i] * (up[x] + down[x])
			}
		}
	}
	return out
}
