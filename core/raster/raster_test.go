package raster

import (
	"math"
	"math/cmplx"
	"testing"
)

// asymmetric returns an image that every flip, transpose and shift changes.
func asymmetric(h, w int) Complex {
	c := NewComplex(h, w)
	for i := range c.Data {
		c.Data[i] = complex(float64(i*i%17), float64(i*7%11))
	}
	return c
}

func TestSample_RowFirst(t *testing.T) {
	c := asymmetric(4, 7)
	for y := range 4 {
		for x := range 7 {
			if got := c.Sample(float64(y), float64(x)); got != c.Data[y*7+x] {
				t.Fatalf("Sample(%d, %d) = %v, want pixel %v", y, x, got, c.Data[y*7+x])
			}
		}
	}
	want := 0.75*(0.5*c.At(1, 2)+0.5*c.At(1, 3)) + 0.25*(0.5*c.At(2, 2)+0.5*c.At(2, 3))
	if got := c.Sample(1.25, 2.5); cmplx.Abs(got-want) > 1e-12 {
		t.Errorf("Sample(1.25, 2.5) = %v, want %v", got, want)
	}
}

func TestSample_ZeroOutside(t *testing.T) {
	c := asymmetric(4, 7)
	if got, want := c.Sample(-0.5, 3), 0.5*c.At(0, 3); got != want {
		t.Errorf("half a pixel above the image: %v, want half the first row's %v", got, want)
	}
	for _, p := range [][2]float64{{-1, 0}, {4, 0}, {0, 7}, {math.NaN(), 0}, {0, math.Inf(1)}, {1e300, 0}} {
		if got := c.Sample(p[0], p[1]); got != 0 {
			t.Errorf("Sample(%v, %v) = %v, want 0", p[0], p[1], got)
		}
	}
}

func TestCrop_RejectsOutside(t *testing.T) {
	c := asymmetric(4, 7)
	got, err := c.Crop(1, 2, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if got.At(1, 2) != c.At(2, 4) || got.H != 2 || got.W != 3 {
		t.Errorf("crop holds the wrong pixels")
	}
	for _, b := range [][4]int{{-1, 0, 2, 2}, {0, 0, 5, 2}, {0, 6, 2, 2}, {0, 0, 0, 2}, {math.MaxInt, 0, 2, 2}, {0, 0, math.MaxInt, 1}} {
		if _, err := c.Crop(b[0], b[1], b[2], b[3]); err == nil {
			t.Errorf("crop %v of a 4×7 image was accepted", b)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []Complex{{}, {H: 2, W: 2}, {H: -1, W: -1, Data: make([]complex128, 1)}, {H: math.MaxInt, W: 2, Data: nil}} {
		if c.Validate() == nil {
			t.Errorf("%d×%d with %d values is accepted", c.H, c.W, len(c.Data))
		}
	}
}

func TestAddIntensity_ConstantGoesToTheCentre(t *testing.T) {
	const n = 64
	field, got := make([]complex128, n*n), make([]float64, n*n)
	for i := range field {
		field[i] = 1
	}
	NewFourier(n, n).AddIntensity(got, field)
	for i, v := range got {
		want := 0.0
		if i == n/2*n+n/2 {
			want = n * n // amplitude N
		}
		if math.Abs(v-want) > 1e-9 {
			t.Fatalf("intensity at row %d, column %d is %v, want %v", i/n, i%n, v, want)
		}
	}
}

func TestFourier_Definition(t *testing.T) {
	const h, w = 5, 6
	c := asymmetric(h, w)
	got := NewReal(h, w)
	f := NewFourier(h, w)
	f.AddIntensity(got.Data, c.Data)
	var energy, sum float64
	for u := range h {
		for v := range w {
			var s complex128
			for y := range h {
				for x := range w {
					s += c.At(y, x) * cmplx.Exp(complex(0, -2*math.Pi*(float64(u*y)/h+float64(v*x)/w)))
				}
			}
			want := real(s*cmplx.Conj(s)) / (h * w)
			if g := got.At((u+h/2)%h, (v+w/2)%w); math.Abs(g-want) > 1e-9*(1+want) {
				t.Fatalf("intensity at frequency (%d, %d) is %v, want %v", u, v, g, want)
			}
			energy += real(c.At(u, v) * cmplx.Conj(c.At(u, v)))
			sum += got.At(u, v)
		}
	}
	if math.Abs(sum-energy) > 1e-9*energy {
		t.Errorf("Parseval: %v after the transform, %v before", sum, energy)
	}
	back := append([]complex128(nil), c.Data...)
	f.Forward(back)
	f.Inverse(back)
	for i := range back {
		if cmplx.Abs(back[i]-c.Data[i]) > 1e-12 {
			t.Fatalf("Inverse does not undo Forward at %d", i)
		}
	}
}
