package examine

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestScan_NamesPixelsOfTheFileWithTheZeroAtTheCorner: patterns are rolled to examine them, with their mask, and pixels are named where the
// file has them.
func TestScan_NamesPixelsOfTheFileWithTheZeroAtTheCorner(t *testing.T) {
	s := sound(t, 3)
	shift(s, s.N/2, s.N/2)
	planted := map[int]bool{2*s.N + 3: true, 30*s.N + 1: true}
	setPixels(s, planted, 0)
	masked := 3*s.N + 30
	setPixels(s, map[int]bool{masked: true}, 0)
	s.Mask = slices.Repeat([]uint8{1}, s.N*s.N)
	s.Mask[masked] = 0
	found, err := Scan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	is := slices.IndexFunc(found, func(f Finding) bool { return f.ID == Dead })
	if is < 0 || !(kind{ids: []string{Corner}}).foundIn(found) {
		t.Fatalf("found %s, want %s and %s", names1(found), Corner, Dead)
	}
	if p, r := agreement(found[is].pixelSet(s.N), planted); p < 1 || r < 1 {
		t.Errorf("pixels %v, want %v", found[is].Pixels, planted)
	}
}

// TestScan_FindsGainsOfAFewBrightPixels: the power of their gains is not the same at all shifts, as that of many is.
func TestScan_FindsGainsOfAFewBrightPixels(t *testing.T) {
	for _, seed := range []uint64{20100, 20158, 20242, 20293} { // the near half of the shifts has 1.4 to 2.7 times the power of the far one
		s := compact(t, seed, 32)
		plantGains(s, rand.New(rand.NewPCG(seed, 7)), 0.2, 1, 1)
		found, err := Scan(t.Context(), s)
		if err != nil || !(kind{ids: []string{Flat}}).foundIn(found) {
			t.Errorf("seed %d: found %s: %v", seed, names1(found), err)
		}
	}
}

// TestScan_NoGainsBehindDeadRows: the values that replace dead rows leave no power that looks like gains.
func TestScan_NoGainsBehindDeadRows(t *testing.T) {
	for seed := range uint64(4) {
		s := compact(t, seed, 32)
		pixels := map[int]bool{}
		for i := 19 * s.N; i < 22*s.N; i++ {
			pixels[i] = true
		}
		setPixels(s, pixels, 0)
		found, err := Scan(t.Context(), s)
		if got := names(found); err != nil || !slices.Equal(got, []string{Dead}) {
			t.Errorf("seed %d: found %v, want %s alone: %v", seed, got, Dead, err)
		}
	}
}

// A pixel and a single value of rolled patterns are named where the file has them, for even and odd sides.
func TestUnroll_IsTheInverseOfRoll(t *testing.T) {
	for _, n := range []int{4, 5} {
		file := make([]int, n*n)
		for i := range file {
			file[i] = i
		}
		for at, i := range roll(make([]int, n*n), file, n) {
			f := Finding{Pixels: [][2]int{{at / n, at % n}}, Values: [][3]int{{7, at / n, at % n}}}
			f.unroll(n)
			if f.Pixels[0] != [2]int{i / n, i % n} || f.Values[0] != [3]int{7, i / n, i % n} {
				t.Errorf("side %d, pixel %d of the file: %v, %v", n, i, f.Pixels[0], f.Values[0])
			}
		}
	}
}
