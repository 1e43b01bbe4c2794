package physics

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

func random(rng *rand.Rand, rows, cols int) Image[complex128] {
	m := newImage[complex128](rows, cols)
	for i := range m.Data {
		m.Data[i] = complex(rng.NormFloat64(), rng.NormFloat64())
	}
	return m
}

func randomReal(rng *rand.Rand, rows, cols int) Image[float64] {
	m := newImage[float64](rows, cols)
	for i := range m.Data {
		m.Data[i] = 0.1 + rng.Float64()
	}
	return m
}

// inner returns ⟨a, b⟩ with real and imaginary parts as separate numbers, as gradients pair.
func inner(a, b []complex128) float64 {
	sum := 0.0
	for i, v := range a {
		sum += real(v)*real(b[i]) + imag(v)*imag(b[i])
	}
	return sum
}

func moved(src Image[float64], dy, dx float64) Image[float64] {
	dst := newImage[float64](src.Rows, src.Cols)
	Splat(dst, src, dy, dx)
	return dst
}

func delta(rows, cols, y, x int) Image[float64] {
	m := newImage[float64](rows, cols)
	m.Data[y*cols+x] = 1
	return m
}

// Positive shifts move content down and right, rows first; halves split a pixel; content outside the image is dropped.
func TestSplat_MovesADelta(t *testing.T) {
	for _, c := range []struct {
		name   string
		dy, dx float64
		want   map[[2]int]float64 // (row, column) of an image of 8×9 with a delta at (4, 4)
	}{
		{"one row down, two columns right", 1, 2, map[[2]int]float64{{5, 6}: 1}},
		{"up and left", -3, -1, map[[2]int]float64{{1, 3}: 1}},
		{"half a column right", 0, 0.5, map[[2]int]float64{{4, 4}: 0.5, {4, 5}: 0.5}},
		{"a quarter row up, half a column left", -0.25, -0.5, map[[2]int]float64{{4, 4}: 0.375, {4, 3}: 0.375, {3, 4}: 0.125, {3, 3}: 0.125}},
		{"out of the image", -9, 0, nil},
		{"far out of the image", 1e6, -1e6, nil},
		{"half over the edge", 0, 4.5, map[[2]int]float64{{4, 8}: 0.5}},
	} {
		got := moved(delta(8, 9, 4, 4), c.dy, c.dx)
		for i, v := range got.Data {
			if want := c.want[[2]int{i / 9, i % 9}]; math.Abs(v-want) > 1e-15 {
				t.Errorf("%s: pixel (%d, %d) is %v, want %v", c.name, i/9, i%9, v, want)
			}
		}
	}
}

func TestSplat_IntegerShiftIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	src := random(rng, 7, 10)
	for _, d := range [][2]int{{0, 0}, {2, -3}, {-4, 5}, {6, 9}} {
		got := newImage[complex128](7, 10)
		Splat(got, src, float64(d[0]), float64(d[1]))
		for y := range 7 {
			for x := range 10 {
				var want complex128
				if r, c := y-d[0], x-d[1]; r >= 0 && r < 7 && c >= 0 && c < 10 {
					want = src.Data[r*10+c]
				}
				if got.Data[y*10+x] != want {
					t.Fatalf("shift %v: pixel (%d, %d) is %v, want %v exactly", d, y, x, got.Data[y*10+x], want)
				}
			}
		}
	}
}

// Bilinear interpolation reproduces a plane where all four neighbours are inside.
func TestSplat_KeepsAPlane(t *testing.T) {
	src := newImage[float64](9, 12)
	for i := range src.Data {
		src.Data[i] = 3*float64(i/12) - 2*float64(i%12)
	}
	dy, dx := 1.3, -2.6
	got := moved(src, dy, dx)
	for y := 2; y < 9; y++ {
		for x := 0; x < 9; x++ {
			want := 3*(float64(y)-dy) - 2*(float64(x)-dx)
			if math.Abs(got.Data[y*12+x]-want) > 1e-12 {
				t.Fatalf("pixel (%d, %d) is %v, want %v", y, x, got.Data[y*12+x], want)
			}
		}
	}
}

func TestSample_AdjointOfSplat(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	for range 20 {
		x, y := random(rng, 5, 8), random(rng, 11, 9)
		dy, dx := 8*rng.NormFloat64(), 8*rng.NormFloat64()
		ax, aty := newImage[complex128](11, 9), newImage[complex128](5, 8)
		Splat(ax, x, dy, dx)
		Sample(aty, y, dy, dx)
		if a, b := inner(ax.Data, y.Data), inner(x.Data, aty.Data); math.Abs(a-b) > 1e-12*(1+math.Abs(a)) {
			t.Errorf("shift (%v, %v): ⟨Ax, y⟩ = %v, ⟨x, A*y⟩ = %v", dy, dx, a, b)
		}
	}
}

// The transform is a sum over all pixels with the frequency 0 at [rows/2, cols/2].
func TestFourier_Definition(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for _, s := range [][2]int{{4, 4}, {6, 5}, {1, 7}, {3, 8}} {
		rows, cols := s[0], s[1]
		x := random(rng, rows, cols)
		got := append([]complex128(nil), x.Data...)
		NewFourier(rows, cols).Forward(got)
		for u := range rows {
			for v := range cols {
				var want complex128
				for i, z := range x.Data {
					phase := float64((u-rows/2)*(i/cols))/float64(rows) + float64((v-cols/2)*(i%cols))/float64(cols)
					want += z * cmplx.Exp(complex(0, -2*math.Pi*phase))
				}
				want /= complex(math.Sqrt(float64(rows*cols)), 0)
				if cmplx.Abs(got[u*cols+v]-want) > 1e-12 {
					t.Errorf("%d×%d: frequency (%d, %d) is %v, want %v", rows, cols, u, v, got[u*cols+v], want)
				}
			}
		}
	}
}

func TestFourier_KeepsEnergyAndInverts(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	for _, s := range [][2]int{{8, 8}, {12, 10}, {9, 15}, {64, 64}} {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			x, y := random(rng, s[0], s[1]), random(rng, s[0], s[1])
			f := NewFourier(s[0], s[1])
			fx, fy := append([]complex128(nil), x.Data...), append([]complex128(nil), y.Data...)
			f.Forward(fx)
			f.Inverse(fy)
			if a, b := inner(x.Data, x.Data), inner(fx, fx); math.Abs(a-b) > 1e-12*a {
				t.Errorf("Parseval: %v before, %v after", a, b)
			}
			if a, b := inner(fx, y.Data), inner(x.Data, fy); math.Abs(a-b) > 1e-10 {
				t.Errorf("adjoint: ⟨Fx, y⟩ = %v, ⟨x, F⁻¹y⟩ = %v", a, b)
			}
			f.Inverse(fx)
			for i, z := range fx {
				if cmplx.Abs(z-x.Data[i]) > 1e-12 {
					t.Fatalf("the inverse of the transform gives %v at %d, want %v", z, i, x.Data[i])
				}
			}
		})
	}
}

func TestFourier_ConstantGoesToTheCentre(t *testing.T) {
	const n = 64
	x := make([]complex128, n*n)
	for i := range x {
		x[i] = 1
	}
	NewFourier(n, n).Forward(x)
	for i, z := range x {
		want := 0.0
		if i == n/2*n+n/2 {
			want = n
		}
		if cmplx.Abs(z-complex(want, 0)) > 1e-11 {
			t.Errorf("pixel (%d, %d) is %v, want %v", i/n, i%n, z, want)
		}
	}
}
