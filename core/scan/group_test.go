package scan

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"
)

// cloud returns n positions of several kinds, some with many ties.
func cloud(kind string, n int) (rows, cols []float64) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		var y, x float64
		switch kind {
		case "random":
			y, x = 200*r.Float64(), 100*r.Float64()
		case "grid":
			y, x = float64(i/17), float64(i%17)
		case "line":
			y, x = 5, float64(i*i%97)
		case "one place":
			y, x = 3, 4
		case "pairs":
			y, x = float64(i/2%11), float64(i/22)
		case "far":
			y, x = 1e9+r.Float64(), -1e9+r.Float64()
		case "huge":
			y, x = math.MaxFloat64*r.Float64(), -math.MaxFloat64*r.Float64()
		}
		rows, cols = append(rows, y), append(cols, x)
	}
	return rows, cols
}

var kinds = []string{"random", "grid", "line", "one place", "pairs", "far", "huge"}

func TestNeighbours_NearestWithTiesByIndex(t *testing.T) {
	for _, kind := range kinds {
		for _, n := range []int{1, 2, 5, 9, 200} {
			rows, cols := cloud(kind, n)
			got, err := Neighbours(rows, cols, 8)
			if err != nil {
				t.Fatal(err)
			}
			for i := range n {
				var all []neighbour
				for j := range n {
					if j != i {
						dr, dc := rows[j]-rows[i], cols[j]-cols[i]
						all = append(all, neighbour{dr*dr + dc*dc, int32(j)})
					}
				}
				sort.Slice(all, func(a, b int) bool { return all[a].nearer(all[b]) })
				if len(got[i]) != min(8, n-1) {
					t.Fatalf("%s, %d positions: %d neighbours", kind, n, len(got[i]))
				}
				for m, j := range got[i] {
					if j != all[m].index {
						t.Fatalf("%s, %d positions: neighbour %d of %d is %d, want %d", kind, n, m, i, j, all[m].index)
					}
				}
			}
		}
	}
}

func TestNeighbours_CoincidingPositionsAreFast(t *testing.T) {
	// n² visits of 300000 positions would take minutes; the test's own time limit is the alarm.
	rows, cols := make([]float64, 300000), make([]float64, 300000)
	got, err := Neighbours(rows, cols, 3)
	if err != nil || !slices.Equal(got[299999], []int32{0, 1, 2}) || !slices.Equal(got[1], []int32{0, 2, 3}) {
		t.Fatalf("got %v, %v", got[299999], err)
	}
}

func TestNeighbours_Rejects(t *testing.T) {
	for _, c := range []struct {
		rows, cols []float64
		k          int
	}{
		{[]float64{1}, []float64{1, 2}, 1},
		{[]float64{1, math.NaN()}, []float64{1, 2}, 1},
		{[]float64{1, 2}, []float64{1, math.Inf(1)}, 1},
		{[]float64{1, 2}, []float64{1, 2}, -1},
	} {
		if _, err := Neighbours(c.rows, c.cols, c.k); err == nil {
			t.Errorf("%v %v %d must fail", c.rows, c.cols, c.k)
		}
	}
}

func grouper(t *testing.T, rows, cols []float64, g Grouping) *Grouper {
	t.Helper()
	gr, err := NewGrouper(rows, cols, g)
	if err != nil {
		t.Fatal(err)
	}
	return gr
}

func epoch(t *testing.T, g *Grouper, e int) []Batch {
	t.Helper()
	b, err := g.Epoch(e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGrouper_LeaderAndNeighbours(t *testing.T) {
	for _, kind := range kinds[:6] {
		rows, cols := cloud(kind, 50)
		near, _ := Neighbours(rows, cols, 8)
		for _, gridsize := range []int{1, 2, 3} {
			size := gridsize * gridsize
			g := grouper(t, rows, cols, Grouping{Gridsize: gridsize, Batch: 2 * size, Seed: 7})
			if g.Steps() != 50/(2*size) {
				t.Errorf("gridsize %d: %d steps, want ⌊50/%d⌋", gridsize, g.Steps(), 2*size)
			}
			bound := g.MaxOffset()
			for _, b := range epoch(t, g, 3) {
				if len(b.Rows) != 2*size || len(b.Offsets) != 4*size {
					t.Fatalf("gridsize %d: %d rows, %d offsets", gridsize, len(b.Rows), len(b.Offsets))
				}
				for i := 0; i < len(b.Rows); i += size {
					group := b.Rows[i : i+size]
					sorted := slices.Sorted(slices.Values(group))
					if len(slices.Compact(sorted)) != size {
						t.Errorf("%s, gridsize %d: group %v holds a pattern twice", kind, gridsize, group)
					}
					sum := [2]float64{}
					for c, r := range group {
						if c > 0 && !slices.Contains(near[group[0]], r) {
							t.Errorf("%s: %d is not a neighbour of %d", kind, r, group[0])
						}
						for axis, along := range [][]float64{rows, cols} {
							o := float64(b.Offsets[2*(i+c)+axis])
							o0 := float64(b.Offsets[2*i+axis])
							if d := along[r] - along[group[0]]; math.Abs(o-o0-d) > 1e-4 {
								t.Errorf("%s: offset differs by %v along axis %d, positions by %v", kind, o-o0, axis, d)
							}
							if math.Abs(o) > bound {
								t.Errorf("%s: offset %v exceeds the largest possible %v", kind, o, bound)
							}
							sum[axis] += o
						}
					}
					if math.Abs(sum[0]) > 1e-3 || math.Abs(sum[1]) > 1e-3 {
						t.Errorf("%s: offsets of a group sum to %v, want 0", kind, sum)
					}
				}
			}
		}
	}
}

func TestGrouper_LeadersContinueAcrossEpochs(t *testing.T) {
	// 23 patterns, 3 groups of 4 a step: 1 step an epoch, so a permutation of 23 lasts 7⅔ epochs.
	rows, cols := cloud("random", 23)
	g := grouper(t, rows, cols, Grouping{Gridsize: 2, Batch: 12, Seed: -5})
	var leaders []int32
	for e := range 23 {
		for _, b := range epoch(t, g, e) {
			for i := 0; i < len(b.Rows); i += 4 {
				leaders = append(leaders, b.Rows[i])
			}
		}
	}
	if len(leaders) != 3*23 {
		t.Fatalf("%d leaders", len(leaders))
	}
	for p := range 3 {
		pass := leaders[p*23 : (p+1)*23]
		if s := slices.Sorted(slices.Values(pass)); len(slices.Compact(s)) != 23 {
			t.Errorf("pass %d does not lead every pattern once: %v", p, pass)
		}
	}
	if slices.Equal(leaders[:23], leaders[23:46]) {
		t.Error("two passes have the same order")
	}
}

func TestGrouper_EpochNeedsNoEarlierState(t *testing.T) {
	rows, cols := cloud("random", 61)
	o := Grouping{Gridsize: 2, Batch: 8, Seed: 3}
	g := grouper(t, rows, cols, o)
	var run [][]Batch
	for e := range 12 {
		run = append(run, epoch(t, g, e))
	}
	for _, e := range []int{11, 0, 7} {
		if !reflect.DeepEqual(epoch(t, grouper(t, rows, cols, o), e), run[e]) {
			t.Errorf("epoch %d made directly differs from the one in a run", e)
		}
	}
	if reflect.DeepEqual(run[0], run[1]) {
		t.Error("two epochs have the same groups")
	}
	o.Seed = 4
	if reflect.DeepEqual(epoch(t, grouper(t, rows, cols, o), 0), run[0]) {
		t.Error("the seed changes nothing")
	}
}

func TestGrouper_PartnersRedrawnEvenly(t *testing.T) {
	rows, cols := cloud("random", 9) // the 8 neighbours of each are all others
	g := grouper(t, rows, cols, Grouping{Gridsize: 2, Batch: 4})
	hits := make([]int, 9)
	for e := range 3000 {
		for _, b := range epoch(t, g, e) {
			for _, r := range b.Rows[1:] {
				hits[r]++
			}
		}
	}
	for r, h := range hits { // 6000 groups of 3 partners: 2000 ± 43 each; 5 sigma
		if h < 1785 || h > 2215 {
			t.Errorf("pattern %d was partner %d times of 2000 expected", r, h)
		}
	}
}

func TestGrouper_MembersOnly(t *testing.T) {
	rows, cols := cloud("grid", 100)
	var members []int
	for i := 1; i < 100; i += 3 {
		members = append(members, i)
	}
	g := grouper(t, rows, cols, Grouping{Gridsize: 2, Batch: 8, Members: members})
	lead := map[int32]bool{}
	for _, batches := range [][]Batch{epoch(t, g, 0), epoch(t, g, 5), g.Nearest()} {
		for _, b := range batches {
			for _, r := range b.Rows {
				if r%3 != 1 {
					t.Fatalf("pattern %d is not a member", r)
				}
			}
		}
	}
	for _, b := range g.Nearest() {
		for i := 0; i < len(b.Rows); i += 4 {
			lead[b.Rows[i]] = true
		}
	}
	if len(lead) != len(members) {
		t.Errorf("Nearest leads %d of %d members", len(lead), len(members))
	}
}

func TestGrouper_Rejects(t *testing.T) {
	rows, cols := cloud("grid", 10)
	for _, c := range []struct {
		g    Grouping
		n    int
		want string
	}{
		{Grouping{Gridsize: 2, Batch: 4}, 3, "3 patterns cannot form groups of 4"},
		{Grouping{Gridsize: 0, Batch: 4}, 10, "--gridsize is 0"},
		{Grouping{Gridsize: 17, Batch: 4}, 10, "--gridsize is 17"},
		{Grouping{Gridsize: 2, Batch: 6}, 10, "not a multiple"},
		{Grouping{Gridsize: 2, Batch: 0}, 10, "not a multiple"},
		{Grouping{Gridsize: 1, Batch: 11}, 10, "exceed the 10"},
		{Grouping{Gridsize: 2, Batch: 4, Neighbours: 2}, 10, "too few"},
		{Grouping{Gridsize: 2, Batch: 4, Members: []int{1, 2, 3, 10}}, 10, "pattern 10 does not exist"},
		{Grouping{Gridsize: 2, Batch: 4, Members: []int{1, 2, 3, 3}}, 10, "listed twice"},
	} {
		_, err := NewGrouper(rows[:c.n], cols[:c.n], c.g)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %q", c.g, err, c.want)
		}
	}
	g := grouper(t, rows, cols, Grouping{Gridsize: 1, Batch: 1})
	for _, e := range []int{-1, math.MaxInt} {
		if _, err := g.Epoch(e); err == nil {
			t.Errorf("epoch %d must fail", e)
		}
	}
}

func TestMaxOffset_LargestOfAllGroups(t *testing.T) {
	for _, size := range []int{2, 4} {
		rows, cols := cloud("random", 30)
		near, _ := Neighbours(rows, cols, 6)
		want := 0.0
		var choose func(group []int32, rest []int32)
		choose = func(group, rest []int32) {
			if len(group) == size {
				for _, along := range [][]float64{rows, cols} {
					mean := 0.0
					for _, r := range group {
						mean += along[r] / float64(size)
					}
					for _, r := range group {
						want = max(want, math.Abs(along[r]-mean))
					}
				}
				return
			}
			for i := range rest {
				choose(append(slices.Clone(group), rest[i]), rest[i+1:])
			}
		}
		for i := range near {
			choose([]int32{int32(i)}, near[i])
		}
		if got := maxOffset(rows, cols, near, size); math.Abs(got-want) > 1e-5*want {
			t.Errorf("size %d: got %v, all groups give %v", size, got, want)
		}
	}
	if got := maxOffset([]float64{1, 2}, []float64{1, 2}, [][]int32{{1}, {0}}, 1); got != 0 {
		t.Errorf("groups of one have offset %v", got)
	}
}

// Part of a run's identity, see TestDraw_NeverChanges.
func TestGrouper_NeverChanges(t *testing.T) {
	rows, cols := cloud("grid", 40)
	g := grouper(t, rows, cols, Grouping{Gridsize: 2, Batch: 8, Seed: 42})
	got := epoch(t, g, 2)[1].Rows
	if want := []int32{31, 15, 14, 33, 25, 9, 6, 24}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOverlap(t *testing.T) {
	const r = 20.0
	for _, c := range []struct{ d, want float64 }{
		{0, 1}, {r / 2, 0.685038}, {r, 0.391002}, {1.5 * r, 0.144294}, {2 * r, 0}, {3 * r, 0}, {-r, 0.391002},
	} {
		if got := Overlap(c.d, 2*r); math.Abs(got-c.want) > 5e-7 {
			t.Errorf("overlap at %v of diameter %v: got %v, want %v", c.d, 2*r, got, c.want)
		}
	}
	if !math.IsNaN(Overlap(1, 0)) || !math.IsNaN(Overlap(math.NaN(), 1)) {
		t.Error("overlap of no probe, or at no distance, is a number")
	}
}
