package examine

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
)

// TestScan_NamesBothOfTwoFaults: a fault that is found is taken out before the next is looked for.
func TestScan_NamesBothOfTwoFaults(t *testing.T) {
	named := map[string]kind{}
	for _, k := range kinds() {
		named[k.name] = k
	}
	strong := func(s *scan.Scan, rng *rand.Rand, name string) kind {
		k := named[name]
		k.plant(s, rng, k.strengths[len(k.strengths)-1])
		return k
	}
	for _, pair := range [][2]string{
		{"exposure of a third of the frames", "late frames"}, {"hot pixel", "offset"}, {"offset", "dead row"}, {"offset", "probe too small or too large"},
		{"beam stop", "offset"}, {"dim frames", "offset"}, {"dim frames", "clipped counts"}, {"cosmic rays", "offset"}, {"offset", "stuck pixels"},
		{"zero frequency at the corner", "beam stop"}, {"mask hides the beam", "marked pixels"}, {"steps too long", "probe off centre"}, {"positions rounded", "probe too small or too large"},
		{"flat field missing", "wrapped counts"}, {"flat field missing", "probe without a form"}, {"stripes", "clipped counts"}, {"stripes", "dead row"},
		{"mask hides the beam", "duplicate frames"}, {"one position wrong", "unit of the positions"}, {"cosmic rays", "late frames"},
	} {
		s := sound(t, 3)
		if named[pair[0]].needs() == simulate.Disk {
			s = compact(t, 3, 32)
		}
		rng := rand.New(rand.NewPCG(3, 8))
		kinds := []kind{named[pair[0]], named[pair[1]]}
		slices.SortStableFunc(kinds, func(a, b kind) int { return int(a.stage - b.stage) })
		a, b := strong(s, rng, kinds[0].name), strong(s, rng, kinds[1].name)
		found, err := Scan(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if !a.foundIn(found) || !b.foundIn(found) {
			t.Errorf("%s and %s: found %s", pair[0], pair[1], names1(found))
		}
	}
}

// TestScan_ClippedBeamIsNotStuck: pixels at a ceiling in every frame are clipped where the light falls off around them.
func TestScan_ClippedBeamIsNotStuck(t *testing.T) {
	s, err := drawBase(t.Context(), 1101) // a pupil with a sharp edge
	if err != nil {
		t.Fatal(err)
	}
	each(s, func(_, _ int, k float32) float32 { return min(k, 758) })
	found, err := Scan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if !(kind{ids: []string{Clipped}}).foundIn(found) || (kind{ids: []string{Stuck, Hot}}).foundIn(found) {
		t.Errorf("found %s, want %s alone", names1(found), Clipped)
	}
}

// TestScan_ClippedAboveAnOffset: a beam that is clipped above a constant is named, not taken for stuck pixels, and leaves no flicker.
func TestScan_ClippedAboveAnOffset(t *testing.T) {
	s, err := drawBase(t.Context(), 5127) // the beam is clipped in every frame
	if err != nil {
		t.Fatal(err)
	}
	each(s, func(_, _ int, k float32) float32 { return k + 50 })
	ceiling := float32(math.Floor(beamPeak(s) / 4))
	each(s, func(_, _ int, k float32) float32 { return min(k, ceiling) })
	found, err := Scan(t.Context(), s)
	if got := names(found); err != nil || !slices.Contains(got, Clipped) || !slices.Contains(got, Offset) || slices.Contains(got, Stuck) || slices.Contains(got, Exposure) {
		t.Errorf("found %v: %v", got, err)
	}
}
