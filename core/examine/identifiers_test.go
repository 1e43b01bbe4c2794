package examine

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// planted returns what is found, with the fault of an identifier or without it, in the same scan.
type planted func(t *testing.T, fault bool) []Finding

// base returns a sound scan; it is simulated once.
var base = func() func(t *testing.T) *scan.Scan {
	var s *scan.Scan
	return func(t *testing.T) *scan.Scan {
		t.Helper()
		if s == nil {
			s = compact(t, 11, 32)
		}
		return s
	}
}()

// change is planted for a fault of the scan itself.
func change(plant func(s *scan.Scan, rng *rand.Rand)) planted {
	return func(t *testing.T, fault bool) []Finding {
		t.Helper()
		s := copied(base(t))
		if fault {
			plant(s, rand.New(rand.NewPCG(11, 11)))
		}
		found, err := Scan(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
}

// value returns one of two.
func value[T any](second bool, a, b T) T {
	if second {
		return b
	}
	return a
}

// otherFaults are those of identifiers that the trial of strengths does not plant.
func otherFaults() map[string]planted {
	return map[string]planted{
		Unit: change(func(s *scan.Scan, _ *rand.Rand) { each(s, func(_, _ int, k float32) float32 { return 5 * k }) }),
		Line: change(func(s *scan.Scan, _ *rand.Rand) {
			for i := range s.Rows {
				s.Rows[i], s.Cols[i] = 40, 20+float64(i)/2
			}
		}),
		FewPatterns: change(func(s *scan.Scan, _ *rand.Rand) {
			s.Counts, s.Rows, s.Cols, s.Index = s.Counts[:3*s.N*s.N], s.Rows[:3], s.Cols[:3], s.Index[:3]
		}),
		Canvas: change(func(s *scan.Scan, _ *rand.Rand) { s.Rows[5] += 1e8 }),
		ProbePower: change(func(s *scan.Scan, _ *rand.Rand) {
			s.Probe = image(s, func(y, x int) complex64 { return 1e3 * s.Probe[y*s.N+x] })
		}),
		Orientation: func(_ *testing.T, fault bool) []Finding {
			flipped := solve.Candidate{Orientation: solve.Orientation{FlipRows: fault}, R: 0.1}
			return OrientationOf(&solve.Geometry{Candidates: []solve.Candidate{flipped, {R: 0.5}}, Sure: solve.Certain, Separation: 20})
		},
		FrameMisfit: func(_ *testing.T, fault bool) []Finding {
			m := metrics.Misfits{}
			for range 30 {
				m.Frames = append(m.Frames, metrics.Misfit{Measured: 80, Expected: 40})
			}
			m.Frames[7].Measured *= value(fault, 1, 30.)
			return Misfits(m, &scan.Scan{N: 16})
		},
		PixelMisfit: func(_ *testing.T, fault bool) []Finding {
			m := metrics.Misfits{}
			for range 256 {
				m.Pixels = append(m.Pixels, metrics.Misfit{Measured: 80, Expected: 40})
			}
			m.Pixels[77].Measured *= value(fault, 1, 30.)
			return Misfits(m, &scan.Scan{N: 16})
		},
		FewPhotons: func(_ *testing.T, fault bool) []Finding {
			return FewData(Image{R: 0.01, Expected: 0.009, PhotonsPerPixel: value(fault, 200, 2.)})
		},
		Overfit: func(_ *testing.T, fault bool) []Finding {
			return FewData(Image{R: value(fault, 0.01, 0.001), Expected: 0.009, PhotonsPerPixel: 200})
		},
		PoorFit: func(_ *testing.T, fault bool) []Finding {
			return FewData(Image{R: value(fault, 0.012, 0.03), Expected: 0.009, Flat: 0.05, PhotonsPerPixel: 200})
		},
	}
}

// after are the identifiers that are not found by Scan.
var after = map[string]bool{Orientation: true, FrameMisfit: true, PixelMisfit: true, FewPhotons: true, Overfit: true, PoorFit: true}

// TestFindings_EachIdentifierHasItsFault: each identifier is found where its fault is planted, at the strongest of the trial of strengths,
// and not in the same scan without it.
func TestFindings_EachIdentifierHasItsFault(t *testing.T) {
	fixture.Long(t)
	faults := otherFaults()
	for _, k := range kinds() {
		if id := k.ids[0]; faults[id] == nil {
			faults[id] = change(func(s *scan.Scan, rng *rand.Rand) { k.plant(s, rng, k.strengths[len(k.strengths)-1]) })
		}
	}
	sound := change(nil)(t, false)
	for _, id := range ids() {
		has := func(fault bool) bool {
			return slices.ContainsFunc(faults[id](t, fault), func(f Finding) bool { return f.ID == id })
		}
		if faults[id] == nil || !has(true) {
			t.Errorf("%s: its fault was not found", id)
		} else if after[id] && has(false) || slices.ContainsFunc(sound, func(f Finding) bool { return f.ID == id }) {
			t.Errorf("%s: found without its fault", id)
		}
	}
}
