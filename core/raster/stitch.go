package raster

import (
	"errors"
	"fmt"
	"math"
)

// DefaultCanvas bounds the canvas if Options.MaxPixels is 0: 2^26 pixels, which take 1.6 GiB.
const DefaultCanvas = 1 << 26

// StitchOptions are the options of a Stitcher. The zero value keeps every patch whole.
type StitchOptions struct {
	// Trim is the number of pixels excluded at each side of every patch.
	Trim int
	// CropBelow crops the finished image to the largest rectangle in which every pixel has at least this coverage. 0
	// keeps the whole canvas; 0.1, a tenth of one probe's peak intensity, excludes the dim edge.
	CropBelow float64
	// Centred puts the canvas centre, pixel (H/2, W/2), exactly at the mean scan position, so that the origin is
	// fractional. Otherwise the canvas uses the whole pixels of the scan's coordinates, so that integer positions are
	// not interpolated.
	Centred bool
	// MaxPixels bounds the canvas; 0 means DefaultMaxPixels.
	MaxPixels int
}

// Stitched is the stitched object.
type Stitched struct {
	Object Complex // [H, W]; 0 if uncovered
	// Coverage is the sum of the weights on each pixel over the largest weight added: with weights |P|² one pattern
	// gives 1 at the probe's peak. It is 0 if uncovered.
	Coverage Real
	// Origin is the scan coordinate (row, column) of pixel (0, 0): a pattern at (y, x) has pixel N/2 of its patch at
	// object pixel (y, x) − Origin.
	Origin [2]float64
}

// Stitcher accumulates patches. Its memory is proportional to the canvas. One goroutine may use it at a time. The image
// depends on the order of Add only by rounding, and the same order gives the same bits.
type Stitcher struct {
	n       int // side of a patch
	opts    StitchOptions
	origin  [2]float64
	sum     Complex // Σ weight·patch
	weights Real    // Σ weight
	peak    float64 // largest weight added
	added   int
}

// NewStitcher prepares a canvas for n×n patches centred at the scan positions (rows[j], cols[j]).
func NewStitcher(rows, cols []float64, n int, opts StitchOptions) (*Stitcher, error) {
	fail := func(format string, a ...any) (*Stitcher, error) {
		return nil, fmt.Errorf("stitch: new: "+format, a...)
	}
	switch {
	case n < 1:
		return fail("the side of the patches is %d, want at least 1", n)
	case len(rows) == 0:
		return fail("the scan positions are missing")
	case len(rows) != len(cols):
		return fail("%d row coordinates but %d column coordinates", len(rows), len(cols))
	case opts.Trim < 0 || 2*opts.Trim >= n:
		return fail("--middle-trim %d leaves nothing of a patch of %d pixels a side", opts.Trim, n)
	case !(opts.CropBelow >= 0) || math.IsInf(opts.CropBelow, 0):
		return fail("the least coverage is %v, want a number, at least 0", opts.CropBelow)
	}
	limit := opts.MaxPixels
	if limit <= 0 {
		limit = DefaultCanvas
	}
	var origin [2]float64
	var side [2]int
	for axis, p := range [][]float64{rows, cols} {
		first, last, mean, err := extent(p)
		if err != nil {
			return fail("%s coordinates: %w", [2]string{"row", "column"}[axis], err)
		}
		// Patch pixel i of a pattern at p is at p − N/2 + i; the canvas contains all of these pixels.
		first += float64(opts.Trim - n/2)
		last += float64(n - 1 - opts.Trim - n/2)
		if last-first > float64(limit) {
			return fail("the positions span %.4g pixels, more than %d; give them in object pixels", last-first, limit)
		}
		if opts.Centred {
			half := max(math.Ceil(mean-first), math.Ceil(last-mean))
			origin[axis], side[axis] = mean-half, int(2*half)+1
		} else {
			origin[axis] = math.Floor(first)
			side[axis] = int(math.Ceil(last)-origin[axis]) + 1
		}
	}
	if side[0] > limit/side[1] {
		return fail("the canvas would have %d×%d pixels, more than %d; give the positions in object pixels", side[0], side[1], limit)
	}
	return &Stitcher{
		n: n, opts: opts, origin: origin,
		sum: NewComplex(side[0], side[1]), weights: NewReal(side[0], side[1]),
	}, nil
}

func extent(p []float64) (first, last, mean float64, err error) {
	first, last = math.Inf(1), math.Inf(-1)
	for j, v := range p {
		// Up to 2^50 a float64 represents fractions of a pixel.
		if !(math.Abs(v) < 1<<50) {
			return 0, 0, 0, fmt.Errorf("position %d is %v, want a finite number below 2^50", j, v)
		}
		first, last = min(first, v), max(last, v)
		mean += (v - mean) / float64(j+1)
	}
	return first, last, mean, nil
}

// Add adds a patch [N, N] with its pixel N/2 at the scan position (y, x), weighted pixel by pixel with weight [N, N],
// usually Σ|P|² over the modes of the probe; nil means 1 everywhere. Each pixel and its weight are divided among the
// four canvas pixels around it (bilinear). If Add fails, nothing is added.
func (s *Stitcher) Add(patch []complex64, weight []float32, y, x float64) error {
	n := s.n
	if len(patch) != n*n {
		return fmt.Errorf("stitch: add: a patch of %d pixels, want %d×%d", len(patch), n, n)
	}
	if weight != nil && len(weight) != n*n {
		return fmt.Errorf("stitch: add: %d weights for a patch of %d×%d pixels", len(weight), n, n)
	}
	t := s.opts.Trim
	m := n - 2*t // side after trimming
	top, left := y-float64(n/2-t)-s.origin[0], x-float64(n/2-t)-s.origin[1]
	// An unknown position may not fit; the rounding of a known one is far below 1e-6.
	const slack = 1e-6
	if !(top >= -slack && left >= -slack && top <= float64(s.sum.H-m)+slack && left <= float64(s.sum.W-m)+slack) {
		return fmt.Errorf("stitch: add: the patch at row %v, column %v does not fit the canvas, which was created for other positions", y, x)
	}
	peak := s.peak
	for i := t; i < n-t; i++ {
		for j := t; j < n-t; j++ {
			v := patch[i*n+j]
			w := float32(1)
			if weight != nil {
				w = weight[i*n+j]
			}
			if !finite(real(v)) || !finite(imag(v)) || !finite(w) || w < 0 {
				return fmt.Errorf("stitch: add: the patch at row %v, column %v has value %v with weight %v at (%d, %d)", y, x, v, w, i, j)
			}
			peak = max(peak, float64(w))
		}
	}
	s.peak = peak
	s.added++

	s.addPatch(patch, weight, top, left)
	return nil
}

// addPatch adds a patch whose first included pixel is at (row top, column left) of the canvas.
func (s *Stitcher) addPatch(patch []complex64, weight []float32, top, left float64) {
	n, t := s.n, s.opts.Trim
	m := n - 2*t
	k, fy := split(top, s.sum.H-m)
	l, fx := split(left, s.sum.W-m)
	share := [4]float64{(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx}
	width := s.sum.W
	for i := range m {
		for j := range m {
			at := (i+t)*n + j + t
			w := 1.0
			if weight != nil {
				w = float64(weight[at])
			}
			if w == 0 {
				continue
			}
			v := complex128(patch[at])
			to := (k+i)*width + l + j
			for q, a := range share {
				// A share of 0 may be outside the canvas.
				if a == 0 {
					continue
				}
				p := to + q>>1*width + q&1
				aw := a * w
				s.sum.Data[p] += complex(aw*real(v), aw*imag(v))
				s.weights.Data[p] += aw
			}
		}
	}
}

// finite returns false for infinities and for NaN, for which every comparison is false.
func finite(x float32) bool { return math.Abs(float64(x)) <= math.MaxFloat32 }

// split returns the whole pixel and the fraction of a coordinate, which is clamped to [0, last].
func split(p float64, last int) (int, float64) {
	p = min(max(p, 0), float64(last))
	k := math.Floor(p)
	return int(k), p - k
}

// Finish divides by the weights. The stitcher must not be used afterwards.
func (s *Stitcher) Finish() (Stitched, error) {
	if s.added == 0 {
		return Stitched{}, errors.New("stitch: finish: no patch was added")
	}
	if s.peak == 0 {
		return Stitched{}, errors.New("stitch: finish: all weights are 0; check the probe")
	}
	for i, w := range s.weights.Data {
		if w > 0 {
			v := s.sum.Data[i]
			s.sum.Data[i] = complex(real(v)/w, imag(v)/w)
			s.weights.Data[i] = w / s.peak
		}
	}
	img := Stitched{Object: s.sum, Coverage: s.weights, Origin: s.origin}
	if s.opts.CropBelow == 0 {
		return img, nil
	}
	y, x, h, w := largestRectangle(img.Coverage, s.opts.CropBelow)
	if h == 0 {
		return Stitched{}, fmt.Errorf("stitch: finish: every pixel has a coverage below %v", s.opts.CropBelow)
	}
	img.Object = Complex{H: h, W: w, Data: shrink(img.Object.Data, img.Object.W, y, x, h, w)}
	img.Coverage = Real{H: h, W: w, Data: shrink(img.Coverage.Data, img.Coverage.W, y, x, h, w)}
	img.Origin[0] += float64(y)
	img.Origin[1] += float64(x)
	return img, nil
}

// largestRectangle finds the largest rectangle of pixels that are all at least least: row by row, the columns of such
// pixels that end there form a histogram, whose largest rectangle is found in one pass with a stack of rising bars.
func largestRectangle(r Real, least float64) (y, x, h, w int) {
	bars := make([]int, r.W+1) // the last stays 0 and closes all bars
	type bar struct{ from, height int }
	var open []bar
	for i := range r.H {
		open = open[:0]
		for j, height := range bars {
			if j < r.W {
				if r.Data[i*r.W+j] >= least {
					height++
				} else {
					height = 0
				}
				bars[j] = height
			}
			from := j
			for len(open) > 0 && open[len(open)-1].height >= height {
				b := open[len(open)-1]
				open = open[:len(open)-1]
				if b.height*(j-b.from) > h*w {
					y, x, h, w = i+1-b.height, b.from, b.height, j-b.from
				}
				from = b.from
			}
			open = append(open, bar{from, height})
		}
	}
	return y, x, h, w
}
