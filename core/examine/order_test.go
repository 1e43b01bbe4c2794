package examine

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
)

// reordered returns a scan whose frame i is that of position from(i).
func reordered(t *testing.T, path simulate.PathKind, from func(line []int, i int) int) *scan.Scan {
	t.Helper()
	sim, err := simulate.New(t.Context(), simulate.Options{Seed: 5, Object: simulate.Fields, Probe: simulate.Disk, Path: path, N: 32, Height: 96, Patterns: 256, Photons: 1e5})
	if err != nil {
		t.Fatal(err)
	}
	s := asScan(sim)
	old := slices.Clone(s.Counts)
	line := (&profile{Input: Input{Rows: s.Rows, Cols: s.Cols}}).lines()
	size := s.N * s.N
	for i := range s.Len() {
		copy(s.Counts[i*size:(i+1)*size], old[from(line, i)*size:])
	}
	rng := rand.New(rand.NewPCG(5, 5))
	each(s, func(_, _ int, k float32) float32 { return thinned(rng, k, 0.9) }) // no frame twice
	return s
}

// TestScan_FindsOtherOrders: lines in the other direction, a reversed scan and a missing frame are found, and a sound scan is not. On a raster
// a shift of all frames leaves neighbours neighbours.
func TestScan_FindsOtherOrders(t *testing.T) {
	for _, c := range []struct {
		want string
		path simulate.PathKind
		from func(line []int, i int) int
	}{
		{"", simulate.Raster, func(_ []int, i int) int { return i }},
		{"every second line", simulate.Raster, func(line []int, i int) int { return line[i] }},
		{"", simulate.Random, func(_ []int, i int) int { return i }},
		{"the reverse order", simulate.Random, func(_ []int, i int) int { return 255 - i }},
		{"1 frame early", simulate.Random, func(_ []int, i int) int { return min(i+i/130, 255) }},
		{"2 frames late", simulate.Random, func(_ []int, i int) int { return max(i-2, 0) }},
	} {
		found, err := Scan(t.Context(), reordered(t, c.path, c.from))
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(found, func(f Finding) bool { return f.ID == Order })
		if (at >= 0) != (c.want != "") || at >= 0 && !strings.Contains(found[at].What, c.want) {
			t.Errorf("%v, %q: found %+v", c.path, c.want, found)
		}
	}
}
