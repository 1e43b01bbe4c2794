package sweep

import (
	"cmp"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// TestPass_FindsEverySpike: a pass finds exactly the values that are twice those around, at edges and corners too, and not next to pixels that
// are left out.
func TestPass_FindsEverySpike(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for range 50 {
		side := 8 + rng.IntN(30)
		counts, bad := make([]uint16, side*side), make([]bool, side*side)
		clean := make([]uint16, side*side)
		for i := range counts {
			counts[i] = uint16(rng.IntN(6))
			if rng.IntN(20) == 0 {
				counts[i] = uint16(rng.IntN(40))
			}
			bad[i] = rng.IntN(15) == 0
			if clean[i] = counts[i]; bad[i] {
				clean[i] = 0
			}
		}
		var want []Spike
		for i, v := range clean {
			near := uint16(0)
			for q, k := range clean {
				if q != i && (q/side-i/side)*(q/side-i/side) <= 1 && (q%side-i%side)*(q%side-i%side) <= 1 {
					near = max(near, k)
				}
			}
			if v >= 2*floor && v >= 2*near {
				want = append(want, Spike{0, int32(i), float32(v), float32(near)})
			}
		}
		c := Integers(1, side*side, bad)
		c.Add(0, counts)
		if c.Crowded[0] {
			if c.Spikes, c.Crowded[0] = c.found, false; len(want) <= fewestSpikes {
				t.Errorf("a pattern with %d spikes is crowded", len(want))
			}
		}
		slices.SortFunc(c.Spikes, func(a, b Spike) int { return cmp.Compare(a.Pixel, b.Pixel) })
		if !slices.Equal(c.Spikes, want) {
			t.Fatalf("side %d: spikes %v, want %v", side, c.Spikes, want)
		}
	}
}

// TestPass_AnyOrder: patterns may come in any order.
func TestPass_AnyOrder(t *testing.T) {
	const patterns, side = 40, 16
	rng := rand.New(rand.NewPCG(5, 5))
	all := make([][]uint16, patterns)
	for j := range all {
		all[j] = make([]uint16, side*side)
		for i := range all[j] {
			all[j][i] = uint16(rng.IntN(4) * rng.IntN(1+j%7*10))
		}
	}
	run := func(order []int) (Measures, []uint16) {
		c := Integers(patterns, side*side, nil)
		for _, j := range order {
			c.Add(j, all[j])
		}
		slices.SortStableFunc(c.Spikes, func(a, b Spike) int { return cmp.Compare(a.Pattern, b.Pattern) })
		return c.Measures, c.Most
	}
	inOrder := make([]int, patterns)
	for j := range inOrder {
		inOrder[j] = j
	}
	want, most := run(inOrder)
	got, gotMost := run(rng.Perm(patterns))
	if !reflect.DeepEqual(got, want) || !slices.Equal(gotMost, most) {
		t.Errorf("measured %+v, in order %+v", got, want)
	}
}
