package metrics

import (
	"fmt"
	"math"
	"math/cmplx"

	"github.com/ptychogo/ptycho/core/raster"
)

// FRC is a Fourier ring correlation.
type FRC struct {
	// Side is the side of the compared square in pixels; ring r has the spatial frequency r/Side per pixel.
	Side int `json:"side"`
	// Curve is the correlation of rings 0 … Side/2 (Nyquist).
	Curve []Number `json:"curve"`
	// Half is the frequency, as a fraction of Nyquist, at which the curve first falls below 0.5, linearly interpolated
	// between rings; 1 if it never does, 0 if ring 0 is below.
	Half Number `json:"frc50"`
	// Mean is the mean of the rings below half Nyquist, ring 0 included.
	Mean Number `json:"mean_to_half_nyquist"`
}

// fewestRings is the side of the smallest square with rings to compare, in pixels.
const fewestRings = 4

// ringCorrelation compares two complex images of one size: central square, Hann window, rings of rounded radius,
//
//	FRC(r) = |Σ F1·conj(F2)| / √(Σ|F1|² · Σ|F2|²).
//
// It does not depend on a global phase or factor. A ring without power in one of the images counts as 0. The square is
// reduced by a few pixels to a length without a prime factor above 61, for the transform.
func ringCorrelation(a, b raster.Complex) (FRC, error) {
	if err := sameSize("ring correlation", a, b); err != nil {
		return FRC{}, err
	}
	side := smoothLength(min(a.H, a.W))
	if side < fewestRings {
		return FRC{}, fmt.Errorf("metrics: ring correlation: a square of %d pixels a side has no rings", side)
	}
	f := raster.NewFourier(side, side)
	fa, err := windowed(f, a, side)
	if err != nil {
		return FRC{}, err
	}
	fb, err := windowed(f, b, side)
	if err != nil {
		return FRC{}, err
	}
	rings := side/2 + 1
	cross := make([]complex128, rings)
	power := make([][2]float64, rings)
	for y := range side {
		for x := range side {
			r := int(math.Round(math.Hypot(float64(signed(y, side)), float64(signed(x, side)))))
			if r >= rings {
				continue
			}
			u, v := fa[y*side+x], fb[y*side+x]
			cross[r] += u * cmplx.Conj(v)
			power[r][0] += real(u)*real(u) + imag(u)*imag(u)
			power[r][1] += real(v)*real(v) + imag(v)*imag(v)
		}
	}
	curve := make([]float64, rings)
	for r := range curve {
		if d := math.Sqrt(power[r][0]) * math.Sqrt(power[r][1]); d > 0 {
			curve[r] = cmplx.Abs(cross[r]) / d
		}
	}
	out := FRC{Side: side, Half: Number(firstBelow(curve, 0.5) / (float64(side) / 2)), Curve: make([]Number, rings)}
	out.Half = min(out.Half, 1)
	var sum float64
	count := 0
	for r, v := range curve {
		out.Curve[r] = Number(v)
		if 4*r < side {
			sum += v
			count++
		}
	}
	out.Mean = Number(sum / float64(count))
	return out, nil
}

// firstBelow returns the real index at which the curve first falls below the threshold, its length if it never does.
func firstBelow(curve []float64, threshold float64) float64 {
	for r, v := range curve {
		if v < threshold {
			if r == 0 {
				return 0
			}
			return float64(r-1) + (curve[r-1]-threshold)/(curve[r-1]-v)
		}
	}
	return float64(len(curve))
}

// windowed transforms the central square under a Hann window (0 at both ends).
func windowed(f *raster.Fourier, img raster.Complex, side int) ([]complex128, error) {
	c, err := img.Crop((img.H-side)/2, (img.W-side)/2, side, side)
	if err != nil {
		return nil, fmt.Errorf("metrics: ring correlation: %w", err)
	}
	w := hann(side)
	for y := range side {
		for x := range side {
			c.Data[y*side+x] *= complex(w[y]*w[x], 0)
		}
	}
	f.Forward(c.Data)
	return c.Data, nil
}

func hann(n int) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(n-1))
	}
	return w
}

// signed returns the frequency of index i of a transform of length n: −n/2 … (n−1)/2.
func signed(i, n int) int {
	if i > (n-1)/2 {
		return i - n
	}
	return i
}

// smoothLength returns the largest length up to n without a prime factor above 61.
func smoothLength(n int) int {
	for ; n > 61; n-- {
		rest := n
		for p := 2; p <= 61; p++ {
			for rest%p == 0 {
				rest /= p
			}
		}
		if rest == 1 {
			break
		}
	}
	return n
}
