package solve

import "math"

// slowCanvas is the number of the canvas's pixels up to which the low-frequency step uses them as they are. For a larger canvas its
// images, of 40 bytes a pixel, have a value for each 2×2 pixels: the narrowest Gaussian is still 2.5 values wide. Tests lower it.
var slowCanvas = 1 << 24

// slowGrid is the grid of the low-frequency step's images, [h, w]: value (y, x) is that of the step×step pixels of the canvas from
// (y·step, x·step) on.
type slowGrid struct {
	step             int
	h, w             int
	canvasH, canvasW int
}

func newSlowGrid(h, w int) slowGrid {
	step := 1
	if h*w > slowCanvas {
		step = 2
	}
	return slowGrid{step: step, h: (h + step - 1) / step, w: (w + step - 1) / step, canvasH: h, canvasW: w}
}

// mean returns the mean of a function of the canvas's pixels, row-major, over those of value (y, x).
func (g slowGrid) mean(y, x int, of func(i int) float64) float64 {
	if g.step == 1 {
		return of(y*g.w + x)
	}
	sum, count := 0.0, 0
	for r := y * g.step; r < min((y+1)*g.step, g.canvasH); r++ {
		for c := x * g.step; c < min((x+1)*g.step, g.canvasW); c++ {
			sum += of(r*g.canvasW + c)
			count++
		}
	}
	return sum / float64(count)
}

// between is a place between the values at and at+1 of an axis, or at a value if part is 0.
type between struct {
	at   int
	part float32 // of the value at+1
}

// place returns the place of a coordinate of the canvas along an axis of size values. Beyond the middle of the outermost values it
// is theirs.
func (g slowGrid) place(p float64, size int) between {
	p = min(max((p-float64(g.step-1)/2)/float64(g.step), 0), float64(size-1))
	at := min(int(p), max(size-2, 0))
	return between{at, float32(p - float64(at))}
}

// row interpolates row y of the canvas.
func (g slowGrid) row(dst, image []float32, y int) {
	if g.step == 1 {
		copy(dst, image[y*g.w:])
		return
	}
	v := g.place(float64(y), g.h)
	upper := image[v.at*g.w : (v.at+1)*g.w]
	lower := image[min(v.at+1, g.h-1)*g.w:][:g.w]
	for x := range dst {
		u := g.place(float64(x), g.w)
		right := min(u.at+1, g.w-1)
		a := upper[u.at] + u.part*(upper[right]-upper[u.at])
		b := lower[u.at] + u.part*(lower[right]-lower[u.at])
		dst[x] = a + v.part*(b-a)
	}
}

// cut samples the patch at (top, left) of the canvas from an image of the grid, bilinearly.
func (s *slowStep) cut(w *slowWork, image []complex64, top, left float64) {
	g, n := s.grid, s.v.n
	if g.step == 1 {
		s.v.cut(w.patch, image, top, left)
		return
	}
	for x := range w.columns {
		w.columns[x] = g.place(left+float64(x), g.w)
	}
	for y := range n {
		v := g.place(top+float64(y), g.h)
		upper := image[v.at*g.w : (v.at+1)*g.w]
		lower := image[min(v.at+1, g.h-1)*g.w:][:g.w]
		part := complex(v.part, 0)
		for x, u := range w.columns {
			right, of := min(u.at+1, g.w-1), complex(u.part, 0)
			a := upper[u.at] + of*(upper[right]-upper[u.at])
			b := lower[u.at] + of*(lower[right]-lower[u.at])
			w.patch[y*n+x] = a + part*(b-a)
		}
	}
}

// blur replaces an image [h·w] by three running means along each axis, which together are close to a Gaussian of the standard
// deviation sigma, in pixels of the canvas. The image is 0 outside.
func (g slowGrid) blur(team *team, image []float32, sigma float64) {
	sigma /= float64(g.step)
	// A mean over 2r+1 pixels has the variance r(r+1)/3, three have r(r+1).
	r := max(int(math.Round(math.Sqrt(sigma*sigma+0.25)-0.5)), 1)
	team.do((g.h+band-1)/band, func(_, b int) {
		line := make([]float32, g.w)
		for y := b * band; y < min((b+1)*band, g.h); y++ {
			row := image[y*g.w : (y+1)*g.w]
			for range 3 {
				copy(line, row)
				runningMean(row, line, r)
			}
		}
	})
	const columns = 64
	team.do((g.w+columns-1)/columns, func(_, b int) {
		from, to := b*columns, min((b+1)*columns, g.w)
		column, line := make([]float32, g.h), make([]float32, g.h)
		for x := from; x < to; x++ {
			for y := range column {
				column[y] = image[y*g.w+x]
			}
			for range 3 {
				copy(line, column)
				runningMean(column, line, r)
			}
			for y, a := range column {
				image[y*g.w+x] = a
			}
		}
	})
}

// runningMean sets dst to the means of src over 2r+1 values.
func runningMean(dst, src []float32, r int) {
	sum, n := 0.0, len(src)
	for i := range min(r, n) {
		sum += float64(src[i])
	}
	f := 1 / float64(2*r+1)
	for i := range dst {
		if i+r < n {
			sum += float64(src[i+r])
		}
		if i-r-1 >= 0 {
			sum -= float64(src[i-r-1])
		}
		dst[i] = float32(sum * f)
	}
}
