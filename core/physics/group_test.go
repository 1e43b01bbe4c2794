package physics

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

// group holds some patches with weights and positions, none of them on the pixel grid.
type group struct {
	objects []Image[complex128]
	weights []Image[float64]
	at      []Position
}

func newGroup(rng *rand.Rand, members, rows, cols int) group {
	var g group
	for range members {
		g.objects = append(g.objects, random(rng, rows, cols))
		g.weights = append(g.weights, randomReal(rng, rows, cols))
		g.at = append(g.at, Position{3 * rng.NormFloat64(), 3 * rng.NormFloat64()})
	}
	return g
}

func fill(m Image[complex128], v complex128) Image[complex128] {
	for i := range m.Data {
		m.Data[i] = v
	}
	return m
}

func ones(rows, cols int) Image[float64] {
	m := newImage[float64](rows, cols)
	for i := range m.Data {
		m.Data[i] = 1
	}
	return m
}

func TestMergePairwise_Formula(t *testing.T) {
	g := newGroup(rand.New(rand.NewPCG(5, 1)), 3, 7, 6)
	got := MergePairwise(g.objects, g.weights, g.at)
	hat := func(x float64) float64 { return math.Max(0, 1-math.Abs(x)) }
	for i := range got {
		for y := range 7 {
			for x := range 6 {
				var num complex128
				den := 0.0
				for j, o := range g.objects {
					dy, dx := g.at[j].Y-g.at[i].Y, g.at[j].X-g.at[i].X
					for k, v := range o.Data {
						share := g.weights[j].Data[k] * hat(float64(y-k/6)-dy) * hat(float64(x-k%6)-dx)
						num += complex(share, 0) * v
						den += share
					}
				}
				if want := num / complex(den, 0); cmplx.Abs(got[i].Data[y*6+x]-want) > 1e-12 {
					t.Fatalf("member %d, pixel (%d, %d): %v, want %v", i, y, x, got[i].Data[y*6+x], want)
				}
			}
		}
	}
}

// All members see one object on the pixel grid: the merge must give every member its part exactly.
func TestMergePairwise_PartsOfOneObject(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	object := random(rng, 24, 24)
	g := group{at: []Position{{0, 0}, {3, -2}, {-1, 4}, {2, 2}}}
	for _, p := range g.at {
		g.objects = append(g.objects, Extract(object, p, 10))
		g.weights = append(g.weights, randomReal(rng, 10, 10))
	}
	for i, m := range MergePairwise(g.objects, g.weights, g.at) {
		for k, v := range m.Data {
			if cmplx.Abs(v-g.objects[i].Data[k]) > 1e-13 {
				t.Fatalf("member %d, pixel %d: %v, want %v", i, k, v, g.objects[i].Data[k])
			}
		}
	}
	canvas := Assemble(g.objects, g.weights, g.at, 24)
	covered := 0
	for k, v := range canvas.Data {
		if v == 0 {
			continue
		}
		if covered++; cmplx.Abs(v-object.Data[k]) > 1e-13 {
			t.Fatalf("canvas pixel (%d, %d): %v, want %v", k/24, k%24, v, object.Data[k])
		}
	}
	if covered <= 100 || covered >= 24*24 {
		t.Errorf("%d pixels of the canvas are covered", covered)
	}
}

func TestMergePairwise_WithoutOverlap(t *testing.T) {
	g := newGroup(rand.New(rand.NewPCG(7, 1)), 2, 6, 6)
	g.at = []Position{{0, 0}, {6, 0}}
	for i, m := range MergePairwise(g.objects, g.weights, g.at) {
		for k, v := range m.Data {
			if cmplx.Abs(v-g.objects[i].Data[k]) > 1e-15 {
				t.Fatalf("member %d was changed by a member without overlap", i)
			}
		}
	}
}

func TestMergePairwise_WithoutWeight(t *testing.T) {
	g := newGroup(rand.New(rand.NewPCG(8, 1)), 2, 6, 6)
	for _, w := range g.weights {
		clear(w.Data)
	}
	images := append(MergePairwise(g.objects, g.weights, g.at), Assemble(g.objects, g.weights, g.at, 12))
	for _, m := range images {
		for _, v := range m.Data {
			if v != 0 {
				t.Fatalf("%v where no weight is, want 0", v)
			}
		}
	}
}

// A position of +10 columns moves a patch right; of +10 rows down.
func TestAssemble_Orientation(t *testing.T) {
	const n, side = 8, 40
	g := group{at: []Position{{0, -10}, {0, 10}, {12, 0}}}
	for _, amplitude := range []complex128{1, 2, 3} {
		g.objects = append(g.objects, fill(newImage[complex128](n, n), amplitude))
		g.weights = append(g.weights, ones(n, n))
	}
	canvas := Assemble(g.objects, g.weights, g.at, side)
	for _, c := range []struct {
		y, x int
		want complex128
	}{
		{20, 10, 1}, {20, 30, 2}, {32, 20, 3}, {8, 20, 0}, {20, 20, 0},
		{20, 26, 2}, {20, 25, 0}, {20, 33, 2}, {20, 34, 0}, // pixel n/2 of a patch is at side/2 + offset
		{16, 30, 2}, {15, 30, 0}, {23, 30, 2}, {24, 30, 0},
	} {
		if got := canvas.Data[c.y*side+c.x]; got != c.want {
			t.Errorf("canvas pixel (%d, %d) is %v, want %v", c.y, c.x, got, c.want)
		}
	}
}

func TestMerge_ConstantPatches(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 1))
	g := newGroup(rng, 4, 9, 9)
	for _, o := range g.objects {
		fill(o, 2-1i)
	}
	canvas := Assemble(g.objects, g.weights, g.at, 24)
	for _, m := range append(MergePairwise(g.objects, g.weights, g.at), canvas) {
		for _, v := range m.Data {
			if v != 0 && cmplx.Abs(v-(2-1i)) > 1e-9 {
				t.Fatalf("%v, want 2−1i wherever a patch is", v)
			}
		}
	}
}

// Pixels that only a sliver of a patch reaches are uncovered: interpolation must not add rows to the support.
func TestAssemble_SliversDoNotCover(t *testing.T) {
	g := group{
		objects: []Image[complex128]{fill(newImage[complex128](4, 4), 1)},
		weights: []Image[float64]{ones(4, 4)},
	}
	covered := func(dx float64) (n int) {
		g.at = []Position{{0, dx}}
		for _, v := range Assemble(g.objects, g.weights, g.at, 12).Data {
			if v != 0 {
				n++
			}
		}
		return n
	}
	if n := covered(4e-6); n != 16 {
		t.Errorf("a shift by rounding covers %d pixels, want 16", n)
	}
	if n := covered(0.5); n != 20 {
		t.Errorf("a shift by half a pixel covers %d pixels, want 20", n)
	}
}

// Moving all positions by the same whole pixels moves the canvas; the pairwise merge does not change.
func TestAssemble_WholeShiftOfAllPositions(t *testing.T) {
	g := newGroup(rand.New(rand.NewPCG(10, 1)), 4, 6, 6)
	before, canvas := MergePairwise(g.objects, g.weights, g.at), Assemble(g.objects, g.weights, g.at, 40)
	for i := range g.at {
		g.at[i] = Position{g.at[i].Y + 2, g.at[i].X - 3}
	}
	after, shifted := MergePairwise(g.objects, g.weights, g.at), Assemble(g.objects, g.weights, g.at, 40)
	for i := range before {
		for k, v := range before[i].Data {
			if cmplx.Abs(v-after[i].Data[k]) > 1e-12 {
				t.Fatalf("the merge depends on where the group is: %v, then %v", v, after[i].Data[k])
			}
		}
	}
	for y := 2; y < 40; y++ {
		for x := 0; x < 37; x++ {
			if d := shifted.Data[y*40+x] - canvas.Data[(y-2)*40+x+3]; cmplx.Abs(d) > 1e-12 {
				t.Fatalf("canvas pixel (%d, %d) did not move along", y, x)
			}
		}
	}
}

func TestExtract_InvertsAssembleOnTheGrid(t *testing.T) {
	g := newGroup(rand.New(rand.NewPCG(11, 1)), 1, 8, 8)
	g.at = []Position{{5, -4}}
	got := Extract(Assemble(g.objects, g.weights, g.at, 20), g.at[0], 8)
	for k, v := range got.Data {
		if cmplx.Abs(v-g.objects[0].Data[k]) > 1e-13 {
			t.Fatalf("pixel %d: %v, want %v", k, v, g.objects[0].Data[k])
		}
	}
}

func TestMerge_Adjoints(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 1))
	pair := func(name string, ax, y, x, aty []Image[complex128]) {
		t.Helper()
		a, b := 0.0, 0.0
		for i := range ax {
			a += inner(ax[i].Data, y[i].Data)
		}
		for i := range x {
			b += inner(x[i].Data, aty[i].Data)
		}
		if math.Abs(a-b) > 1e-11*(1+math.Abs(a)) {
			t.Errorf("%s: ⟨Ax, y⟩ = %v, ⟨x, A*y⟩ = %v", name, a, b)
		}
	}
	for _, members := range []int{1, 2, 4} {
		g := newGroup(rng, members, 7, 9)
		ys := newGroup(rng, members, 7, 9).objects
		pair("MergePairwise", MergePairwise(g.objects, g.weights, g.at), ys, g.objects, MergePairwiseAdjoint(ys, g.weights, g.at))
		g = newGroup(rng, members, 8, 8)
		y := random(rng, 16, 16)
		pair("Assemble", []Image[complex128]{Assemble(g.objects, g.weights, g.at, 16)}, []Image[complex128]{y}, g.objects, AssembleAdjoint(y, g.weights, g.at))
		back := newImage[complex128](16, 16)
		patch := g.objects[0]
		ExtractAdjoint(back, patch, g.at[0])
		pair("Extract", []Image[complex128]{Extract(y, g.at[0], 8)}, []Image[complex128]{patch}, []Image[complex128]{y}, []Image[complex128]{back})
	}
}
