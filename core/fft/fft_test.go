package fft

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/internal/machine"
)

// naive computes the definition, in float64, row by row and column by column: orthonormal, zero frequency at [0, 0].
func naive(x []complex128, rows, cols int, sign float64) []complex128 {
	line := func(n int, at func(i int) *complex128) {
		in, roots := make([]complex128, n), make([]complex128, n)
		for i := range in {
			s, c := math.Sincos(sign * 2 * math.Pi * float64(i) / float64(n))
			in[i], roots[i] = *at(i), complex(c, s)
		}
		for u := range n {
			sum := complex128(0)
			for i, v := range in {
				sum += v * roots[u*i%n]
			}
			*at(u) = sum / complex(math.Sqrt(float64(n)), 0)
		}
	}
	y := append([]complex128(nil), x...)
	for r := range rows {
		line(cols, func(i int) *complex128 { return &y[r*cols+i] })
	}
	for c := range cols {
		line(rows, func(i int) *complex128 { return &y[i*cols+c] })
	}
	return y
}

// moved returns x with pixel [0, 0] at [dy, dx], cyclically.
func moved[C any](x []C, rows, cols, dy, dx int) []C {
	y := make([]C, len(x))
	for r := range rows {
		for c := range cols {
			y[(r+dy+rows)%rows*cols+(c+dx+cols)%cols] = x[r*cols+c]
		}
	}
	return y
}

func random(n int, seed uint64) ([]complex64, []complex128) {
	rng := rand.New(rand.NewPCG(seed, 1))
	a, b := make([]complex64, n), make([]complex128, n)
	for i := range a {
		a[i] = complex(float32(rng.NormFloat64()), float32(rng.NormFloat64()))
		b[i] = complex128(a[i])
	}
	return a, b
}

func wide(x []complex64) []complex128 {
	y := make([]complex128, len(x))
	for i, v := range x {
		y[i] = complex128(v)
	}
	return y
}

// distance returns |got − want| / |want|.
func distance(got, want []complex128) float64 {
	top, bottom := 0.0, 0.0
	for i, w := range want {
		d := got[i] - w
		top += real(d)*real(d) + imag(d)*imag(d)
		bottom += real(w)*real(w) + imag(w)*imag(w)
	}
	return math.Sqrt(top / bottom)
}

// The largest relative distances that tests accept; measured over sizes() are 2.8e-7 and 1.3e-15.
const (
	limit32 = 4e-7
	limit64 = 1e-14
)

func onEveryPath(t *testing.T, f func(t *testing.T, path machine.Instructions)) {
	for _, path := range machine.Supported() {
		t.Run(string(path), func(t *testing.T) { f(t, path) })
	}
}

func mustPlan(t testing.TB, rows, cols int, path machine.Instructions) *Plan {
	t.Helper()
	p, err := NewPath(rows, cols, path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sizes returns every length to 64 as a square and with an unequal partner, products of 2, 3 and 5, primes, lines; with
// -short, for the race detector, a few of them.
func sizes() [][2]int {
	if testing.Short() {
		return [][2]int{{1, 1}, {16, 16}, {8, 24}, {30, 17}, {37, 5}, {64, 64}, {100, 36}, {1, 1024}}
	}
	var s [][2]int
	for n := 1; n <= 64; n++ {
		s = append(s, [2]int{n, n}, [2]int{n, 65 - n})
	}
	for _, n := range []int{72, 75, 80, 81, 90, 96, 100, 120, 125, 128, 135, 144, 160, 162, 180, 192, 200, 216, 225, 240, 243, 250, 256,
		270, 288, 300, 320, 324, 360, 375, 384, 400, 405, 432, 450, 480, 486, 500, 512, 540, 576, 600, 625, 640, 648, 675, 720, 729, 750,
		768, 800, 810, 864, 900, 960, 972, 1000, 1024, 67, 97, 101, 127, 131, 251, 257, 509, 521, 1021, 77, 91, 142, 202, 254, 1022} {
		s = append(s, [2]int{n, 3}, [2]int{5, n})
	}
	return append(s, [2]int{128, 128}, [2]int{128, 96}, [2]int{100, 128}, [2]int{96, 160}, [2]int{131, 64}, [2]int{1, 1024}, [2]int{1024, 1})
}

func TestPlan_EqualsDefinition(t *testing.T) {
	onEveryPath(t, func(t *testing.T, path machine.Instructions) {
		worst, worst64 := 0.0, 0.0
		for i, s := range sizes() {
			rows, cols := s[0], s[1]
			x, exact := random(rows*cols, uint64(i))
			ahead, back := naive(exact, rows, cols, -1), naive(exact, rows, cols, 1)
			p := mustPlan(t, rows, cols, path)
			p64, err := New64(rows, cols)
			if err != nil {
				t.Fatal(err)
			}
			y, y64 := make([]complex64, len(x)), make([]complex128, len(x))
			for _, c := range []struct {
				name string
				f    func(dst, src []complex64, w *Work)
				g    func(dst, src []complex128, w *Work)
				src  []complex64
				want []complex128
			}{
				{"forward", p.Forward, p64.Forward, x, ahead},
				{"inverse", p.Inverse, p64.Inverse, x, back},
				{"centred forward", p.ForwardCentred, p64.ForwardCentred, x, moved(ahead, rows, cols, rows/2, cols/2)},
				{"centred inverse", p.InverseCentred, p64.InverseCentred, moved(x, rows, cols, rows/2, cols/2), back},
			} {
				c.f(y, c.src, nil)
				c.g(y64, wide(c.src), nil)
				d, d64 := distance(wide(y), c.want), distance(y64, c.want)
				worst, worst64 = max(worst, d), max(worst64, d64)
				if !(d < limit32) || !(d64 < limit64) {
					t.Errorf("%s of %d×%d: off by %.2g in complex64, %.2g in complex128", c.name, rows, cols, d, d64)
				}
			}
		}
		t.Logf("largest relative distance: %.2g in complex64, %.2g in complex128", worst, worst64)
	})
}

// Assembly and plain Go differ only by rounding.
func TestPlan_PathsDifferByRounding(t *testing.T) {
	for i, s := range sizes() {
		x, _ := random(s[0]*s[1], uint64(i))
		want, got := make([]complex64, len(x)), make([]complex64, len(x))
		mustPlan(t, s[0], s[1], machine.Portable).ForwardCentred(want, x, nil)
		for _, path := range machine.Supported() {
			mustPlan(t, s[0], s[1], path).ForwardCentred(got, x, nil)
			if d := distance(wide(got), wide(want)); !(d < limit32) {
				t.Errorf("%d×%d: %s is %.2g from plain Go", s[0], s[1], path, d)
			}
		}
	}
}

func TestPlan_KeepsNormAndInnerProduct(t *testing.T) {
	onEveryPath(t, func(t *testing.T, path machine.Instructions) {
		for _, s := range [][2]int{{64, 64}, {30, 128}, {7, 45}, {1000, 3}, {11, 13}} {
			x, xs := random(s[0]*s[1], 1)
			y, ys := random(s[0]*s[1], 2)
			p := mustPlan(t, s[0], s[1], path)
			for _, pair := range [][2]func(dst, src []complex64, w *Work){{p.Forward, p.Inverse}, {p.ForwardCentred, p.InverseCentred}} {
				fx, by := make([]complex64, len(x)), make([]complex64, len(x))
				pair[0](fx, x, nil)
				pair[1](by, y, nil)
				if a, b := norm(wide(fx)), norm(xs); math.Abs(a/b-1) > 1e-6 {
					t.Errorf("%v: Parseval: |F x| = %.9g, |x| = %.9g", s, a, b)
				}
				a, b := inner(wide(fx), ys), inner(xs, wide(by))
				if d := math.Hypot(real(a-b), imag(a-b)); d > 1e-6*norm(xs)*norm(ys) {
					t.Errorf("%v: ⟨F x, y⟩ = %.9g, ⟨x, F* y⟩ = %.9g", s, a, b)
				}
				pair[1](fx, fx, nil)
				if d := distance(wide(fx), xs); d > 2*limit32 {
					t.Errorf("%v: there and back is off by %.2g", s, d)
				}
			}
		}
	})
}

func norm(x []complex128) float64 { return math.Sqrt(real(inner(x, x))) }

func inner(a, b []complex128) complex128 {
	sum := complex128(0)
	for i, v := range a {
		sum += v * complex(real(b[i]), -imag(b[i]))
	}
	return sum
}

// A shift by whole pixels multiplies the spectrum by exp(−2πi(u·dy/R + v·dx/C)).
func TestPlan_ShiftTheorem(t *testing.T) {
	onEveryPath(t, func(t *testing.T, path machine.Instructions) {
		for _, c := range []struct{ rows, cols, dy, dx int }{{64, 64, 3, 10}, {48, 100, 17, 1}, {21, 34, 20, 5}} {
			x, _ := random(c.rows*c.cols, 3)
			p := mustPlan(t, c.rows, c.cols, path)
			a, b := make([]complex64, len(x)), make([]complex64, len(x))
			p.Forward(a, x, nil)
			p.Forward(b, moved(x, c.rows, c.cols, c.dy, c.dx), nil)
			want := wide(a)
			for i := range want {
				s, co := math.Sincos(-2 * math.Pi * (float64(i/c.cols*c.dy)/float64(c.rows) + float64(i%c.cols*c.dx)/float64(c.cols)))
				want[i] *= complex(co, s)
			}
			if d := distance(wide(b), want); d > 2*limit32 {
				t.Errorf("%+v: off by %.2g", c, d)
			}
		}
	})
}

func TestNew_RejectsImpossibleSizes(t *testing.T) {
	for _, s := range [][2]int{{0, 5}, {5, 0}, {-1, 4}, {4, math.MinInt}, {1<<24 + 1, 2}, {2, math.MaxInt}, {1 << 16, 1 << 16}} {
		_, err := New(s[0], s[1])
		_, err64 := New64(s[0], s[1])
		for _, e := range []error{err, err64} {
			if e == nil || !strings.Contains(e.Error(), fmt.Sprintf("%d×%d", s[0], s[1])) {
				t.Errorf("New(%d, %d) gives %v: want an error that names the size", s[0], s[1], e)
			}
		}
	}
	if p, err := New(1, 1<<17); err != nil || p.rows != 1 || p.cols != 1<<17 {
		t.Errorf("a long line gives %v", err)
	}
	t.Setenv("PTYCHO_CPU", "mmx")
	if _, err := New(4, 4); err == nil || !strings.Contains(err.Error(), "PTYCHO_CPU=mmx") {
		t.Errorf("an unknown PTYCHO_CPU gives %v", err)
	}
}
