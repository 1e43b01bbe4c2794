// Package metrics measures reconstructions: against a reference image (correlations, errors, PSNR, SSIM, Fourier ring
// correlation) and against the measured counts (residual, Poisson deviance). Coordinates are (row y, column x).
package metrics

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/raster"
)

// Number is a float64 for JSON: a figure without a finite value (the PSNR of equal images, the correlation of a
// constant) is null in JSON.
type Number float64

// MarshalJSON writes null for a value that is not finite.
func (n Number) MarshalJSON() ([]byte, error) {
	if v := float64(n); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return json.Marshal(v)
	}
	return []byte("null"), nil
}

// UnmarshalJSON reads null as NaN.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	var v float64
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*n = Number(v)
	return nil
}

// pearson returns the correlation coefficient of a and b, which have one length; NaN if one of them is constant.
func pearson(a, b []float64) float64 {
	ma, mb := mean(a), mean(b)
	var ab, aa, bb float64
	for i := range a {
		x, y := a[i]-ma, b[i]-mb
		ab += x * y
		aa += x * x
		bb += y * y
	}
	// A spread at the level of rounding counts as none.
	tiny := 1e-28 * float64(len(a))
	if aa <= tiny*ma*ma || bb <= tiny*mb*mb || aa == 0 || bb == 0 {
		return math.NaN()
	}
	return ab / math.Sqrt(aa*bb)
}

// meanAbsoluteError returns mean |a − b|; a and b have one length.
func meanAbsoluteError(a, b []float64) float64 {
	var s float64
	for i := range a {
		s += math.Abs(a[i] - b[i])
	}
	return s / float64(len(a))
}

// psnr returns 20·log10(dataRange/√mse) in dB, +Inf for equal images. The data range used throughout this package is
// the largest minus the smallest value of the reference in the box.
func psnr(image, reference []float64, dataRange float64) float64 {
	var s float64
	for i := range image {
		d := image[i] - reference[i]
		s += d * d
	}
	if s == 0 {
		return math.Inf(1)
	}
	return 20 * math.Log10(dataRange/math.Sqrt(s/float64(len(image))))
}

// SSIM constants of the definition: the window is 7×7, uniform, with sample covariances (divided by 48).
const (
	ssimWindow = 7
	ssimK1     = 0.01
	ssimK2     = 0.03
)

// ssim returns the mean structural similarity over all 7×7 windows inside the image (uniform window, sample
// covariances, K1 = 0.01, K2 = 0.03). It is NaN for an image smaller than the window and for a range that is not
// positive.
func ssim(image, reference raster.Real, dataRange float64) float64 {
	const m, pixels = ssimWindow, ssimWindow * ssimWindow
	h, w := image.H, image.W
	if h != reference.H || w != reference.W || h < m || w < m || !(dataRange > 0) {
		return math.NaN()
	}
	c1, c2 := ssimK1*dataRange, ssimK2*dataRange
	c1, c2 = c1*c1, c2*c2
	// Sums over windows of a, b, a², b², ab, relative to the images' means, so that the squares keep all digits.
	ma, mb := mean(image.Data), mean(reference.Data)
	var columns [5][]float64
	for q := range columns {
		columns[q] = make([]float64, w)
	}
	var total float64
	for y := 0; y+m <= h; y++ {
		for x := range w {
			var s [5]float64
			for i := y; i < y+m; i++ {
				a, b := image.Data[i*w+x]-ma, reference.Data[i*w+x]-mb
				s[0] += a
				s[1] += b
				s[2] += a * a
				s[3] += b * b
				s[4] += a * b
			}
			for q := range s {
				columns[q][x] = s[q]
			}
		}
		for x := 0; x+m <= w; x++ {
			var s [5]float64
			for q := range s {
				for _, v := range columns[q][x : x+m] {
					s[q] += v
				}
				s[q] /= pixels
			}
			const sample = pixels / (pixels - 1.)
			va, vb, vab := sample*(s[2]-s[0]*s[0]), sample*(s[3]-s[1]*s[1]), sample*(s[4]-s[0]*s[1])
			ua, ub := s[0]+ma, s[1]+mb
			total += (2*ua*ub + c1) * (2*vab + c2) / ((ua*ua + ub*ub + c1) * (va + vb + c2))
		}
	}
	return total / float64((h-m+1)*(w-m+1))
}

// dataRange returns the largest minus the smallest value.
func dataRange(v []float64) float64 {
	least, most := math.Inf(1), math.Inf(-1)
	for _, x := range v {
		least, most = min(least, x), max(most, x)
	}
	return most - least
}

func mean(v []float64) float64 {
	var s float64
	for _, x := range v {
		s += x
	}
	return s / float64(len(v))
}

func sameSize(op string, a, b raster.Complex) error {
	if err := a.Validate(); err != nil {
		return fmt.Errorf("metrics: %s: %w", op, err)
	}
	if err := b.Validate(); err != nil {
		return fmt.Errorf("metrics: %s: %w", op, err)
	}
	if a.H != b.H || a.W != b.W {
		return fmt.Errorf("metrics: %s: one image has %d×%d pixels, the other %d×%d", op, a.H, a.W, b.H, b.W)
	}
	return nil
}
