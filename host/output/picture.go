package output

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
)

// quantity is a quantity to draw.
type quantity int

// The quantities.
const (
	amplitude quantity = iota
	phase              // rad, about its mean over the well covered part
)

func (q quantity) String() string {
	if q == phase {
		return "phase"
	}
	return "amplitude"
}

// The layout, in pixels. The font is 7×13.
const (
	left, top, bottom = 60, 30, 40
	gap, bar, right   = 20, 18, 80
	smallest          = 256 // small objects are enlarged by a whole factor until their longer side has this length
	tick              = 5
)

// wellCovered is the coverage, relative to one probe's peak, from which pixels determine the range of colours.
const wellCovered = 0.1

// EachPicture draws the amplitude and the phase of an image as PNG files and passes each to visit. pixelSize is in metres, 0 if
// unknown.
func EachPicture(img raster.Stitched, pixelSize float64, visit func(name string, file []byte) error) error {
	for _, q := range []quantity{amplitude, phase} {
		var b bytes.Buffer
		if err := png.Encode(&b, drawPicture(q, img, pixelSize)); err != nil {
			return fmt.Errorf("picture: %w", err)
		}
		if err := visit(q.String(), b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// drawPicture draws a quantity of an image in scan coordinates.
func drawPicture(q quantity, img raster.Stitched, pixelSize float64) image.Image {
	value := quantityOf(q, img)
	p := picture{colours: q, title: q.String(), caption: "scan pixels: rows down, columns right", h: img.Object.H, w: img.Object.W, origin: img.Origin, unit: 1}
	p.lo, p.hi = span(value, img)
	p.value = func(i int) float64 {
		if !(img.Coverage.Data[i] > 0) {
			return math.Inf(-1)
		}
		return value(i)
	}
	if q == phase {
		p.title += " rad"
	}
	if pixelSize > 0 {
		p.caption = fmt.Sprintf("1 pixel = %.4g nm", pixelSize*1e9)
	}
	return p.draw()
}

// picture is a map with axes and a colour bar.
type picture struct {
	colours        quantity
	title, caption string
	h, w           int
	value          func(i int) float64 // of pixel i, row-major, not kept, since images can be large; −Inf: not covered
	lo, hi         float64             // of the colours
	origin         [2]float64
	unit           float64 // pixels of values in one of the axes
}

func (p picture) draw() image.Image {
	factor := max(1, (smallest+max(p.h, p.w)-1)/max(p.h, p.w, 1))
	area := image.Rect(left, top, left+p.w*factor, top+p.h*factor)
	canvas := image.NewRGBA(image.Rect(0, 0, area.Max.X+gap+bar+right, area.Max.Y+bottom))
	draw.Draw(canvas, canvas.Bounds(), image.White, image.Point{}, draw.Src)
	for y := range p.h * factor {
		for x := range p.w * factor {
			c := color.RGBA{200, 200, 200, 255} // not covered
			if v := p.value(y/factor*p.w + x/factor); !math.IsInf(v, -1) {
				c = shade(p.colours, (v-p.lo)/(p.hi-p.lo))
			}
			canvas.SetRGBA(area.Min.X+x, area.Min.Y+y, c)
		}
	}
	drawText(canvas, left, top-12, p.title)
	axes(canvas, area, p.origin, float64(factor)*p.unit)
	drawText(canvas, left, area.Max.Y+34, p.caption)
	colourBar(canvas, p.colours, area, p.lo, p.hi)
	return canvas
}

// quantityOf returns a function of the amplitude of pixel i, or of its phase about the weighted mean direction.
func quantityOf(q quantity, img raster.Stitched) func(i int) float64 {
	if q == amplitude {
		return func(i int) float64 { return math.Hypot(real(img.Object.Data[i]), imag(img.Object.Data[i])) }
	}
	var mean complex128
	for i, v := range img.Object.Data {
		mean += v * complex(img.Coverage.Data[i], 0)
	}
	mean = complex(real(mean), -imag(mean))
	return func(i int) float64 {
		z := img.Object.Data[i] * mean
		return math.Atan2(imag(z), real(z))
	}
}

// span returns the range from the 0.5th to the 99.5th percentile of the well covered pixels, so that single bad pixels do not count.
func span(value func(i int) float64, img raster.Stitched) (lo, hi float64) {
	well := 0
	for _, c := range img.Coverage.Data {
		if c >= wellCovered {
			well++
		}
	}
	inside := make([]float64, 0, well)
	for i, c := range img.Coverage.Data {
		if !(c >= wellCovered) {
			continue
		}
		if v := value(i); !math.IsNaN(v) && !math.IsInf(v, 0) {
			inside = append(inside, v)
		}
	}
	if len(inside) == 0 {
		return 0, 1
	}
	at := func(part float64) float64 { return scan.Select(inside, int(part*float64(len(inside)-1))) }
	lo, hi = at(0.005), at(0.995)
	if hi-lo < 1e-9 {
		hi = lo + 1e-9
	}
	return lo, hi
}

// stops are control colours, interpolated linearly. Amplitudes run from black to white; phases from a dark blue over
// grey to a dark orange, equally light on both sides of the mean.
var stops = map[quantity][][3]float64{
	amplitude: {{0, 0, 0}, {255, 255, 255}},
	phase:     {{8, 32, 96}, {70, 130, 190}, {236, 236, 232}, {216, 140, 60}, {100, 40, 4}},
}

func shade(q quantity, t float64) color.RGBA {
	if math.IsNaN(t) {
		return color.RGBA{255, 0, 255, 255}
	}
	s := stops[q]
	t = min(max(t, 0), 1) * float64(len(s)-1)
	i := min(int(t), len(s)-2)
	f := t - float64(i)
	mix := func(k int) uint8 { return uint8(math.Round(s[i][k]*(1-f) + s[i+1][k]*f)) }
	return color.RGBA{mix(0), mix(1), mix(2), 255}
}

func axes(canvas *image.RGBA, area image.Rectangle, origin [2]float64, factor float64) {
	black := color.RGBA{A: 255}
	step := tickStep(float64(max(area.Dx(), area.Dy())) / factor)
	for v := math.Ceil(origin[1]/step) * step; ; v += step {
		x := area.Min.X + int((v-origin[1])*factor)
		if x >= area.Max.X {
			break
		}
		for y := range tick {
			canvas.SetRGBA(x, area.Max.Y+y, black)
		}
		drawText(canvas, x-10, area.Max.Y+18, fmt.Sprintf("%g", v+0)) // +0 turns −0 into 0
	}
	for v := math.Ceil(origin[0]/step) * step; ; v += step {
		y := area.Min.Y + int((v-origin[0])*factor)
		if y >= area.Max.Y {
			break
		}
		for x := range tick {
			canvas.SetRGBA(area.Min.X-1-x, y, black)
		}
		drawText(canvas, 8, y+5, fmt.Sprintf("%6g", v+0))
	}
}

// tickStep returns 1, 2 or 5 times a power of ten, about a fifth of the extent.
func tickStep(extent float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(extent/5, 1))))
	for _, m := range []float64{1, 2, 5, 10} {
		if m*power >= extent/5 {
			return m * power
		}
	}
	return 10 * power
}

func colourBar(canvas *image.RGBA, q quantity, area image.Rectangle, lo, hi float64) {
	x0 := area.Max.X + gap
	for y := area.Min.Y; y < area.Max.Y; y++ {
		c := shade(q, float64(area.Max.Y-1-y)/float64(max(area.Dy()-1, 1)))
		for x := range bar {
			canvas.SetRGBA(x0+x, y, c)
		}
	}
	for i := range 5 {
		t := float64(i) / 4
		y := area.Max.Y - 1 - int(t*float64(area.Dy()-1))
		drawText(canvas, x0+bar+6, y+5, fmt.Sprintf("%.3g", lo+t*(hi-lo)))
	}
}

func drawText(canvas *image.RGBA, x, y int, text string) {
	d := font.Drawer{Dst: canvas, Src: image.Black, Face: basicfont.Face7x13, Dot: fixed.P(x, y)}
	d.DrawString(text)
}
