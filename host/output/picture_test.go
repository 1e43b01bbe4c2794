package output

import (
	"bytes"
	"image/color"
	"image/png"
	"math"
	"math/cmplx"
	"testing"

	"github.com/ptychogo/ptycho/core/raster"
)

// object returns a covered object [h, w] with the values of at(row, column).
func objectOf(h, w int, at func(y, x int) complex128) raster.Stitched {
	img := raster.Stitched{Object: raster.NewComplex(h, w), Coverage: raster.NewReal(h, w)}
	for y := range h {
		for x := range w {
			img.Object.Data[y*w+x], img.Coverage.Data[y*w+x] = at(y, x), 1
		}
	}
	return img
}

// lightness returns the lightness of the object's pixel (row, column) in a picture of an object [h, w] drawn at its own size.
func lightness(t *testing.T, q quantity, img raster.Stitched, y, x int) uint8 {
	t.Helper()
	return color.GrayModel.Convert(drawPicture(q, img, 0).At(left+x, top+y)).(color.Gray).Y
}

// A flip or a transposition puts the one bright corner elsewhere.
func TestDraw_RowsDownColumnsRight(t *testing.T) {
	img := objectOf(256, 300, func(y, x int) complex128 {
		if y < 40 && x > 250 {
			return 1
		}
		return 0.1
	})
	for _, c := range []struct {
		y, x   int
		bright bool
	}{{10, 290, true}, {10, 10, false}, {245, 290, false}, {245, 10, false}, {30, 260, true}, {60, 260, false}} {
		if got := lightness(t, amplitude, img, c.y, c.x) > 128; got != c.bright {
			t.Errorf("pixel (%d, %d) bright: %v, want %v", c.y, c.x, got, c.bright)
		}
	}
}

func TestDraw_AmplitudeDarkToLight(t *testing.T) {
	img := objectOf(256, 256, func(y, x int) complex128 { return complex(float64(x)/255, 0) })
	dark, middle, light := lightness(t, amplitude, img, 9, 5), lightness(t, amplitude, img, 9, 128), lightness(t, amplitude, img, 9, 250)
	if !(dark < middle && middle < light) {
		t.Errorf("lightness %d, %d, %d", dark, middle, light)
	}
}

// The global phase of a reconstruction is arbitrary and must not change the picture.
func TestDraw_IgnoresGlobalPhase(t *testing.T) {
	ramp := func(turn float64) raster.Stitched {
		return objectOf(256, 256, func(y, x int) complex128 { return cmplx.Rect(1, float64(x)/256-0.5+turn) })
	}
	a, b := drawPicture(phase, ramp(0), 0), drawPicture(phase, ramp(2.9), 0)
	for x := range 256 {
		p, q := a.At(left+x, top+9).(color.RGBA), b.At(left+x, top+9).(color.RGBA)
		for _, d := range []int{int(p.R) - int(q.R), int(p.G) - int(q.G), int(p.B) - int(q.B)} {
			if d < -2 || d > 2 { // rounding
				t.Fatalf("column %d is %v, turned by 2.9 rad it is %v", x, p, q)
			}
		}
	}
}

// A few extreme pixels must not reduce the contrast of all others.
func TestDraw_BadPixelsDoNotSetRange(t *testing.T) {
	img := objectOf(256, 256, func(y, x int) complex128 {
		if y == 0 && x < 20 {
			return 1e6
		}
		return complex(1+float64(x)/256, 0)
	})
	if lo, hi := span(quantityOf(amplitude, img), img); lo < 1 || hi > 2 {
		t.Errorf("range %v … %v, want within 1 … 2", lo, hi)
	}
}

func TestDraw_UncoveredPixelsDoNotSetRange(t *testing.T) {
	img := objectOf(256, 256, func(y, x int) complex128 { return complex(1+float64(x)/256, 0) })
	for y := range 60 {
		for x := range 256 {
			img.Object.Data[y*256+x], img.Coverage.Data[y*256+x] = complex(float64(x)/100, 0), 0
		}
	}
	if lo, hi := span(quantityOf(amplitude, img), img); lo < 1 || hi > 2 {
		t.Errorf("range %v … %v, want within 1 … 2", lo, hi)
	}
	a, b := drawPicture(amplitude, img, 0).At(left+3, top+3), drawPicture(amplitude, img, 0).At(left+250, top+50)
	if a != b {
		t.Errorf("uncovered pixels are drawn as %v and %v", a, b)
	}
}

func TestDraw_AnyObject(t *testing.T) {
	for name, img := range map[string]raster.Stitched{
		"nothing":       objectOf(0, 0, nil),
		"one pixel":     objectOf(1, 1, func(y, x int) complex128 { return 1 }),
		"a narrow one":  objectOf(2, 700, func(y, x int) complex128 { return complex(float64(x), 0) }),
		"a flat one":    objectOf(64, 64, func(y, x int) complex128 { return 1 }),
		"zeros":         objectOf(64, 64, func(y, x int) complex128 { return 0 }),
		"not a number":  objectOf(64, 64, func(y, x int) complex128 { return cmplx.NaN() }),
		"infinite":      objectOf(64, 64, func(y, x int) complex128 { return cmplx.Inf() }),
		"hardly finite": objectOf(64, 64, func(y, x int) complex128 { return complex(math.MaxFloat64, float64(x)) }),
		"not covered":   {Object: raster.NewComplex(64, 64), Coverage: raster.NewReal(64, 64)},
	} {
		t.Run(name, func(t *testing.T) {
			if err := EachPicture(img, 1e-8, func(_ string, file []byte) error {
				_, err := png.Decode(bytes.NewReader(file))
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTickStep_IsRound(t *testing.T) {
	for extent, want := range map[float64]float64{64: 20, 250: 50, 300: 100, 1000: 200, 3: 1, 0: 1} {
		if got := tickStep(extent); got != want {
			t.Errorf("%v pixels have ticks every %v, want %v", extent, got, want)
		}
	}
}
