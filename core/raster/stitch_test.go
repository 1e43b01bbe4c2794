package raster

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"
)

func constant(n int, v complex64) []complex64 {
	return slices.Repeat([]complex64{v}, n*n)
}

// bump returns an uneven, asymmetric weight, 0 in one corner.
func bump(n int) []float32 {
	w := make([]float32, n*n)
	for i := range w {
		y, x := float64(i/n)-0.4*float64(n), float64(i%n)-0.6*float64(n)
		w[i] = float32(700 * math.Exp(-(y*y+2*x*x)/float64(n)))
	}
	w[0] = 0
	return w
}

func mustNew(t *testing.T, rows, cols []float64, n int, o StitchOptions) *Stitcher {
	t.Helper()
	s, err := NewStitcher(rows, cols, n, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustFinish(t *testing.T, s *Stitcher) Stitched {
	t.Helper()
	img, err := s.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestAdd_PatchAtItsPosition(t *testing.T) {
	// A single bright pixel, off-centre, in a patch with a position far from symmetric: any flip, transpose or sign
	// error moves it.
	for _, c := range []struct {
		name    string
		n       int
		centred bool
	}{{"even patch", 8, false}, {"odd patch", 7, false}, {"centred canvas", 8, true}} {
		t.Run(c.name, func(t *testing.T) {
			n := c.n
			rows, cols := []float64{20, 31, 14}, []float64{-5, 40, 3}
			s := mustNew(t, rows, cols, n, StitchOptions{Centred: c.centred})
			for j := range rows {
				patch := constant(n, 0)
				patch[2*n+5] = complex64(complex(float64(j+1), 0))
				if err := s.Add(patch, nil, rows[j], cols[j]); err != nil {
					t.Fatal(err)
				}
			}
			img := mustFinish(t, s)
			for j := range rows {
				y := rows[j] - float64(n/2) + 2 - img.Origin[0]
				x := cols[j] - float64(n/2) + 5 - img.Origin[1]
				if got, want := img.Object.Sample(y, x), complex(float64(j+1), 0); c.centred {
					if k := int(math.Floor(y)); cmplx.Abs(img.Object.At(k, int(math.Floor(x)))) == 0 {
						t.Errorf("the bright pixel of pattern %d is not near (%v, %v)", j, y, x)
					}
				} else if got != want {
					t.Errorf("the bright pixel of pattern %d: %v at (%v, %v), want %v", j, got, y, x, want)
				}
			}
			if c.centred {
				if got, want := img.Origin[0]+float64(img.Object.H/2), (20+31+14)/3.; math.Abs(got-want) > 1e-12 {
					t.Errorf("the canvas centre is at row %v, want the mean %v", got, want)
				}
			}
		})
	}
}

func TestAdd_RightIsRight(t *testing.T) {
	const n = 8
	s := mustNew(t, []float64{0, 0}, []float64{0, 10}, n, StitchOptions{})
	for j, x := range []float64{0, 10} {
		if err := s.Add(constant(n, complex64(complex(float64(j+1), 0))), nil, 0, x); err != nil {
			t.Fatal(err)
		}
	}
	img := mustFinish(t, s)
	if img.Object.H != n || img.Object.W != n+10 {
		t.Fatalf("canvas %d×%d, want %d×%d, which fits both patches exactly", img.Object.H, img.Object.W, n, n+10)
	}
	if l, r := img.Object.At(4, 0), img.Object.At(4, img.Object.W-1); l != 1 || r != 2 {
		t.Errorf("left %v, right %v; want 1 and 2", l, r)
	}
	for _, x := range []int{8, 9} { // between the patches
		if img.Object.At(4, x) != 0 || img.Coverage.At(4, x) != 0 {
			t.Errorf("column %d is uncovered, but is %v with coverage %v", x, img.Object.At(4, x), img.Coverage.At(4, x))
		}
	}
}

func TestAdd_HalfPixelDividesEqually(t *testing.T) {
	const n = 8
	patch := constant(n, 0)
	patch[4*n+4] = 1
	s := mustNew(t, []float64{0, 10}, []float64{0.5, 10}, n, StitchOptions{})
	if err := s.Add(patch, nil, 0, 0.5); err != nil {
		t.Fatal(err)
	}
	y, x := int(-s.origin[0]), int(-s.origin[1])
	for _, at := range []int{x, x + 1} {
		if got := s.sum.At(y, at); got != 0.5 {
			t.Errorf("column %d holds %v of the pixel at 0.5, want 0.5", at, got)
		}
	}
}

func TestMerge_ConstantPatches(t *testing.T) {
	const n = 12
	rng := rand.New(rand.NewPCG(1, 2))
	rows, cols := make([]float64, 40), make([]float64, 40)
	for j := range rows {
		rows[j], cols[j] = 37*rng.Float64()-11, 19*rng.Float64()+1000
	}
	value := complex64(complex(0.3, -1.7))
	for _, o := range []StitchOptions{{}, {Trim: 3}, {Centred: true}, {CropBelow: 0.1}} {
		s := mustNew(t, rows, cols, n, o)
		for j := range rows {
			if err := s.Add(constant(n, value), bump(n), rows[j], cols[j]); err != nil {
				t.Fatal(err)
			}
		}
		img := mustFinish(t, s)
		covered := 0
		for i, v := range img.Object.Data {
			c := img.Coverage.Data[i]
			switch {
			case c == 0 && v != 0:
				t.Fatalf("%+v: pixel %d is not covered but %v", o, i, v)
			case c > 0:
				covered++
				if cmplx.Abs(v-complex128(value)) > 1e-9*cmplx.Abs(complex128(value)) {
					t.Fatalf("%+v: pixel %d is %v, want %v", o, i, v, value)
				}
			}
			if o.CropBelow > 0 && c < o.CropBelow {
				t.Fatalf("%+v: coverage %v was left inside", o, c)
			}
		}
		if covered == 0 {
			t.Errorf("%+v: nothing is covered", o)
		}
	}
}

func TestAdd_TrimExcludesTheEdge(t *testing.T) {
	const n = 8
	patch := constant(n, 100)
	for y := 2; y < 6; y++ {
		for x := 2; x < 6; x++ {
			patch[y*n+x] = 1
		}
	}
	s := mustNew(t, []float64{50}, []float64{60}, n, StitchOptions{Trim: 2})
	if err := s.Add(patch, nil, 50, 60); err != nil {
		t.Fatal(err)
	}
	img := mustFinish(t, s)
	if img.Object.H != 4 || img.Object.W != 4 || img.Origin != [2]float64{48, 58} {
		t.Fatalf("%d×%d at %v, want 4×4 at [48 58]", img.Object.H, img.Object.W, img.Origin)
	}
	for _, v := range img.Object.Data {
		if v != 1 {
			t.Fatalf("the rim shows: %v", img.Object.Data)
		}
	}
}

func TestCoverage_RelativeToPeak(t *testing.T) {
	const n = 4
	w := slices.Repeat([]float32{5}, n*n)
	w[3] = 10
	s := mustNew(t, []float64{0, 0}, []float64{0, 0}, n, StitchOptions{})
	for range 2 {
		if err := s.Add(constant(n, 1), w, 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	img := mustFinish(t, s)
	if img.Coverage.At(0, 0) != 1 || img.Coverage.At(0, 3) != 2 {
		t.Errorf("coverage %v and %v, want 1 and 2", img.Coverage.At(0, 0), img.Coverage.At(0, 3))
	}
}

func TestFinish_SmoothPatchesGiveTheObject(t *testing.T) {
	const n = 16
	object := func(y, x float64) complex128 {
		return cmplx.Rect(1+0.2*math.Sin(y/9), 0.5*math.Cos(x/7)+0.02*y)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	rows, cols := make([]float64, 60), make([]float64, 60)
	for j := range rows {
		rows[j], cols[j] = 30*rng.Float64(), 50*rng.Float64()
	}
	s := mustNew(t, rows, cols, n, StitchOptions{})
	for j := range rows {
		patch := make([]complex64, n*n)
		for i := range patch {
			patch[i] = complex64(object(rows[j]-n/2+float64(i/n), cols[j]-n/2+float64(i%n)))
		}
		if err := s.Add(patch, bump(n), rows[j], cols[j]); err != nil {
			t.Fatal(err)
		}
	}
	img := mustFinish(t, s)
	for y := range img.Object.H {
		for x := range img.Object.W {
			// A quarter pixel's curvature of the object, and the first order where few patterns cover a pixel.
			if c := img.Coverage.At(y, x); c > 1.5 {
				want := object(float64(y)+img.Origin[0], float64(x)+img.Origin[1])
				if e := cmplx.Abs(img.Object.At(y, x) - want); e > 0.05 {
					t.Fatalf("pixel (%d, %d) is off by %v", y, x, e)
				}
			}
		}
	}
}

func TestExtract_AdjointOfAdd(t *testing.T) {
	const n = 9
	rng := rand.New(rand.NewPCG(5, 6))
	for _, p := range [][2]float64{{7, 9}, {6.3, 11.8}, {5.999999, 8.5}} {
		s := mustNew(t, []float64{0, 20}, []float64{0, 30}, n, StitchOptions{})
		patch := make([]complex64, n*n)
		for i := range patch {
			patch[i] = complex(rng.Float32(), rng.Float32())
		}
		if err := s.Add(patch, nil, p[0], p[1]); err != nil {
			t.Fatal(err)
		}
		other := NewComplex(s.sum.H, s.sum.W)
		for i := range other.Data {
			other.Data[i] = complex(rng.Float64(), rng.Float64())
		}
		var a, b complex128
		for i, v := range Extract(other, p[0]-s.origin[0], p[1]-s.origin[1], n) {
			a += cmplx.Conj(complex128(patch[i])) * v
		}
		for i, v := range s.sum.Data {
			b += cmplx.Conj(v) * other.Data[i]
		}
		if cmplx.Abs(a-b) > 1e-9*cmplx.Abs(b) {
			t.Errorf("at %v: ⟨patch, Extract⟩ = %v, ⟨Add, object⟩ = %v", p, a, b)
		}
	}
}

func TestExtract_BilinearWithZeroOutside(t *testing.T) {
	const n = 6
	object := NewComplex(9, 11)
	for i := range object.Data {
		object.Data[i] = complex(float64(i%13), float64(i*i%7))
	}
	for _, p := range [][2]float64{{4, 5}, {4.25, 5.5}, {-2.5, 3}, {8.75, 10.1}, {-40, 3}, {math.NaN(), 1}, {1e18, 1}, {3, -5.5}} {
		got := Extract(object, p[0], p[1], n)
		for i, v := range got {
			want := object.Sample(p[0]-n/2+float64(i/n), p[1]-n/2+float64(i%n))
			if cmplx.Abs(v-want) > 1e-12 {
				t.Fatalf("at %v pixel (%d, %d) is %v, want %v", p, i/n, i%n, v, want)
			}
		}
	}
}

func TestNew_Rejects(t *testing.T) {
	for _, c := range []struct {
		name       string
		rows, cols []float64
		n          int
		o          StitchOptions
	}{
		{"no positions", nil, nil, 8, StitchOptions{}},
		{"unequal lengths", []float64{1}, []float64{1, 2}, 8, StitchOptions{}},
		{"not a number", []float64{math.NaN()}, []float64{1}, 8, StitchOptions{}},
		{"infinity", []float64{1}, []float64{math.Inf(-1)}, 8, StitchOptions{}},
		{"a canvas of astronomical size", []float64{0, 1e9}, []float64{0, 1}, 8, StitchOptions{}},
		{"two large sides", []float64{0, 1e5}, []float64{0, 1e5}, 8, StitchOptions{}},
		{"an empty patch", []float64{1}, []float64{1}, 0, StitchOptions{}},
		{"nothing left after the trim", []float64{1}, []float64{1}, 8, StitchOptions{Trim: 4}},
		{"a negative trim", []float64{1}, []float64{1}, 8, StitchOptions{Trim: -1}},
		{"a least coverage that is not a number", []float64{1}, []float64{1}, 8, StitchOptions{CropBelow: math.NaN()}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := NewStitcher(c.rows, c.cols, c.n, c.o); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestAdd_RejectsWithoutEffect(t *testing.T) {
	const n = 4
	s := mustNew(t, []float64{0, 5}, []float64{0, 5}, n, StitchOptions{})
	nan := constant(n, 1)
	nan[7] = complex64(complex(0, math.NaN()))
	bad := slices.Repeat([]float32{1}, n*n)
	bad[3] = -1
	inf := slices.Repeat([]float32{1}, n*n)
	inf[3] = float32(math.Inf(1))
	for name, err := range map[string]error{
		"a short patch":        s.Add(make([]complex64, 3), nil, 0, 0),
		"short weights":        s.Add(constant(n, 1), make([]float32, 3), 0, 0),
		"a patch with NaN":     s.Add(nan, nil, 0, 0),
		"a negative weight":    s.Add(constant(n, 1), bad, 0, 0),
		"an infinite weight":   s.Add(constant(n, 1), inf, 0, 0),
		"a foreign position":   s.Add(constant(n, 1), nil, 6, 0),
		"a position of NaN":    s.Add(constant(n, 1), nil, 0, math.NaN()),
		"a position above all": s.Add(constant(n, 1), nil, -1, 0),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	for _, w := range s.weights.Data {
		if w != 0 {
			t.Fatal("a rejected patch was added")
		}
	}
	if _, err := s.Finish(); err == nil {
		t.Error("an empty canvas was finished")
	}
}

func TestLargestRectangle(t *testing.T) {
	picture := []string{
		"..........",
		".###..#...",
		".######...",
		".######..#",
		"..#####..#",
		"....##...#",
	}
	r := NewReal(len(picture), len(picture[0]))
	for y, row := range picture {
		for x, c := range row {
			if c == '#' {
				r.Data[y*r.W+x] = 1
			}
		}
	}
	y, x, h, w := largestRectangle(r, 1)
	if y != 2 || x != 2 || h != 3 || w != 5 {
		t.Errorf("%d×%d at (%d, %d), want 3×5 at (2, 2)", h, w, y, x)
	}
	if _, _, h, w := largestRectangle(r, 2); h*w != 0 {
		t.Errorf("found %d×%d where there is none", h, w)
	}
}
