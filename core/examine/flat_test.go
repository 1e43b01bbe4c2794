package examine

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
)

// compact returns a sound scan with a probe that ends within its window.
func compact(t *testing.T, seed uint64, n int) *scan.Scan {
	t.Helper()
	sim, err := simulate.New(t.Context(), simulate.Options{Seed: seed, Object: simulate.Fields, Probe: simulate.Disk, N: n, Height: 3 * n, Patterns: 120, Photons: 1e5})
	if err != nil {
		t.Fatal(err)
	}
	return asScan(sim)
}

// TestScan_FindsMissingFlatField: gains of pixels, rows and columns are found with their spread, also behind bad pixels, and a sound scan has none.
func TestScan_FindsMissingFlatField(t *testing.T) {
	for name, c := range map[string]struct {
		spread        float64
		height, width int // of areas of one gain, as shares of the side; 0: a pixel
		bad, dimmer   int // marked pixels in the beam, after so many brighter ones
	}{"sound": {}, "pixels": {spread: 0.05}, "sound with bad pixels": {bad: 9}, "pixels and bad ones": {spread: 0.1, bad: 9, dimmer: 60}, "rows": {spread: 0.1, width: 1}, "columns": {spread: 0.1, height: 1}} {
		s := compact(t, 7, 32)
		plantGains(s, rand.New(rand.NewPCG(7, 7)), c.spread, max(c.height*s.N, 1), max(c.width*s.N, 1))
		if c.bad > 0 {
			setPixels(s, brightOnes(s, c.dimmer, c.bad), 1<<32)
		}
		found, err := Scan(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		found = slices.DeleteFunc(found, func(f Finding) bool { return c.bad > 0 && f.ID == Marked })
		is := (kind{ids: []string{Flat}}).foundIn(found)
		if is != (c.spread > 0) || len(found) > 1 {
			t.Errorf("%s: found %s", name, names1(found))
			continue
		}
		within := 1.6
		if c.height+c.width > 0 {
			within = 3 // the beam covers few lines
		}
		if is && math.Abs(math.Log(found[0].Evidence["spread"]/c.spread)) > math.Log(within) {
			t.Errorf("%s: %s; planted %.2g", name, found[0].What, c.spread)
		}
	}
}

// brightOnes returns every fourth pixel by brightness, after the first.
func brightOnes(s *scan.Scan, first, count int) map[int]bool {
	sum := means(s)
	order := indices(len(sum))
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(sum[b], sum[a]) })
	out := map[int]bool{}
	for k := range count {
		out[order[first+4*k+2]] = true
	}
	return out
}
