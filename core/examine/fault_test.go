package examine

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// sound returns a scan without a fault.
func sound(t *testing.T, seed uint64) *scan.Scan {
	t.Helper()
	sim, err := simulate.New(t.Context(), simulate.Options{Seed: seed, Object: simulate.Fields, Probe: simulate.Aberrated, N: 32, Height: 96, Patterns: 300, Photons: 1e5})
	if err != nil {
		t.Fatal(err)
	}
	return asScan(sim)
}

// A fault plants itself and returns the pixels and frames concerned; nil: not checked.
type fault struct {
	id    string
	plant func(s *scan.Scan, rng *rand.Rand) (pixels, frames map[int]bool)
}

func each(s *scan.Scan, change func(frame, pixel int, k float32) float32) {
	for i := range s.Counts {
		s.Counts[i] = change(i/(s.N*s.N), i%(s.N*s.N), s.Counts[i])
	}
}

// lines plants a value in one to three rows or columns.
func lines(value float32) func(s *scan.Scan, rng *rand.Rand) (map[int]bool, map[int]bool) {
	return func(s *scan.Scan, rng *rand.Rand) (map[int]bool, map[int]bool) {
		from, width, column := s.N/4+rng.IntN(s.N/2), 1+rng.IntN(3), rng.IntN(2) == 0
		pixels := map[int]bool{}
		for i := range s.N * s.N {
			if at := []int{i / s.N, i % s.N}[map[bool]int{true: 1}[column]]; at >= from && at < from+width {
				pixels[i] = true
			}
		}
		each(s, func(_, i int, k float32) float32 {
			if pixels[i] {
				return value
			}
			return k
		})
		return pixels, nil
	}
}

// scaled multiplies frames by factors and draws Poisson counts again.
func scaled(s *scan.Scan, rng *rand.Rand, factor func(frame int) float64) {
	each(s, func(f, _ int, k float32) float32 { return thinned(rng, k, factor(f)) })
}

// thinned keeps each photon with a probability.
func thinned(rng *rand.Rand, k float32, keep float64) float32 {
	if k > 200 {
		return float32(max(0, math.Round(float64(k)*keep+rng.NormFloat64()*math.Sqrt(float64(k)*keep*(1-keep)))))
	}
	n := float32(0)
	for range int(k) {
		if rng.Float64() < keep {
			n++
		}
	}
	return n
}

func draw(rng *rand.Rand, n, count int) map[int]bool {
	out := map[int]bool{}
	for _, i := range rng.Perm(n)[:count] {
		out[i] = true
	}
	return out
}

// faults is the table of faults.
//
// Long: one entry after the other.
func faults() []fault {
	return []fault{
		{Marked, lines(1<<16 - 1)},
		{Marked, lines(1 << 32)},
		{Dead, lines(0)},
		{Stuck, func(s *scan.Scan, rng *rand.Rand) (map[int]bool, map[int]bool) {
			pixels := draw(rng, s.N*s.N, 5)
			each(s, func(_, i int, k float32) float32 {
				if pixels[i] {
					return 4000
				}
				return k
			})
			return pixels, nil
		}},
		{Clipped, func(s *scan.Scan, _ *rand.Rand) (map[int]bool, map[int]bool) {
			ceiling := slices.Max(s.Counts) / 4
			pixels, frames := map[int]bool{}, map[int]bool{}
			each(s, func(f, i int, k float32) float32 {
				if k >= float32(math.Floor(float64(ceiling))) {
					pixels[i], frames[f] = true, true
				}
				return min(k, float32(math.Floor(float64(ceiling))))
			})
			return pixels, frames
		}},
		{Offset, func(s *scan.Scan, _ *rand.Rand) (map[int]bool, map[int]bool) {
			each(s, func(_, _ int, k float32) float32 { return k + 50 })
			return nil, nil
		}},
		{Unit, func(s *scan.Scan, _ *rand.Rand) (map[int]bool, map[int]bool) {
			each(s, func(_, _ int, k float32) float32 { return 5 * k })
			return nil, nil
		}},
		{Corner, func(s *scan.Scan, _ *rand.Rand) (map[int]bool, map[int]bool) {
			old := slices.Clone(s.Counts)
			each(s, func(f, i int, _ float32) float32 {
				return old[f*s.N*s.N+(i/s.N+s.N/2)%s.N*s.N+(i%s.N+s.N/2)%s.N]
			})
			return nil, nil
		}},
		{Empty, func(s *scan.Scan, rng *rand.Rand) (map[int]bool, map[int]bool) {
			frames := draw(rng, s.Len(), 7)
			each(s, func(f, _ int, k float32) float32 {
				if frames[f] {
					return float32(rng.IntN(200) / 199)
				}
				return k
			})
			return nil, frames
		}},
		{Bright, func(s *scan.Scan, rng *rand.Rand) (map[int]bool, map[int]bool) {
			frames := draw(rng, s.Len(), 3)
			each(s, func(f, _ int, k float32) float32 {
				if frames[f] {
					return float32(rng.IntN(60000))
				}
				return k
			})
			return nil, frames
		}},
		{Exposure, func(s *scan.Scan, rng *rand.Rand) (map[int]bool, map[int]bool) {
			frames := draw(rng, s.Len(), s.Len()/3)
			scaled(s, rng, func(f int) float64 {
				if frames[f] {
					return 0.15
				}
				return 1
			})
			return nil, frames
		}},
		{Exposure, func(s *scan.Scan, rng *rand.Rand) (map[int]bool, map[int]bool) {
			n := float64(s.Len())
			scaled(s, rng, func(f int) float64 { return 1 - 0.7*float64(f)/n })
			return nil, draw(rng, s.Len(), s.Len())
		}},
		{Cosmic, func(s *scan.Scan, rng *rand.Rand) (map[int]bool, map[int]bool) {
			pixels, frames := map[int]bool{}, draw(rng, s.Len(), 40)
			for f := range frames {
				i := rng.IntN(s.N * s.N)
				pixels[i] = true
				s.Counts[f*s.N*s.N+i] = float32(math.Round(math.Pow(10, 5+rng.Float64())))
			}
			return pixels, frames
		}},
		{Duplicates, func(s *scan.Scan, rng *rand.Rand) (map[int]bool, map[int]bool) {
			frames := map[int]bool{}
			for f := range draw(rng, s.Len()/2, 10) {
				copy(s.Pattern(2*f+1), s.Pattern(2*f))
				frames[2*f+1] = true
			}
			return nil, frames
		}},
		{Order, func(s *scan.Scan, rng *rand.Rand) (map[int]bool, map[int]bool) {
			lag := (1 + rng.IntN(3)) * s.N * s.N
			s.Counts = append(slices.Clone(s.Counts[len(s.Counts)-lag:]), s.Counts[:len(s.Counts)-lag]...)
			return nil, nil
		}},
	}
}

// agreement returns precision and recall of what was found against what was planted.
func agreement(found, planted map[int]bool) (precision, recall float64) {
	both := 0.0
	for i := range found {
		if planted[i] {
			both++
		}
	}
	return both / max(float64(len(found)), 1), both / max(float64(len(planted)), 1)
}

func (f Finding) pixelSet(n int) map[int]bool {
	out := map[int]bool{}
	for _, p := range f.Pixels {
		out[p[0]*n+p[1]] = true
	}
	return out
}

func (f Finding) frameSet() map[int]bool {
	out := map[int]bool{}
	for _, i := range f.Frames {
		out[i] = true
	}
	return out
}

// TestScan_NamesPlantedFaults plants every fault in two scans: the finding names it with the right pixels and frames, and no other
// finding is worse than a note.
func TestScan_NamesPlantedFaults(t *testing.T) {
	fixture.Long(t)
	for k, f := range faults() {
		for seed := range uint64(2) {
			s := sound(t, seed)
			pixels, frames := f.plant(s, rand.New(rand.NewPCG(seed, uint64(k))))
			found, err := Scan(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			is := slices.IndexFunc(found, func(x Finding) bool { return x.ID == f.id })
			if is < 0 {
				t.Errorf("fault %d, seed %d: %s was not found among %v", k, seed, f.id, names(found))
				continue
			}
			if pixels != nil {
				if p, r := agreement(found[is].pixelSet(s.N), pixels); p < 0.95 || r < 0.95 {
					t.Errorf("%s, seed %d: pixels with precision %.2f and recall %.2f", f.id, seed, p, r)
				}
			}
			if frames != nil {
				if p, r := agreement(found[is].frameSet(), frames); p < 0.95 || r < 0.95 {
					t.Errorf("%s, seed %d: frames with precision %.2f and recall %.2f", f.id, seed, p, r)
				}
			}
			for _, x := range found {
				if x.ID != f.id && x.Severity != Note {
					t.Errorf("%s, seed %d: also %s %s: %s", f.id, seed, x.Severity, x.ID, x.What)
				}
			}
		}
	}
}

func names(found []Finding) []string {
	var out []string
	for _, f := range found {
		out = append(out, f.ID)
	}
	return out
}

// TestScan_QuietOnSoundScans: scans without a fault have no finding above a note.
func TestScan_QuietOnSoundScans(t *testing.T) {
	for seed := range uint64(6) {
		found, err := Scan(t.Context(), sound(t, seed))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if f.Severity != Note {
				t.Errorf("seed %d: %s %s: %s", seed, f.Severity, f.ID, f.What)
			}
		}
	}
}

// TestRun_RefusesSizesThatDoNotFit: an input that contradicts itself is an error, not a panic.
func TestRun_RefusesSizesThatDoNotFit(t *testing.T) {
	s := sound(t, 0)
	for name, in := range map[string]Input{
		"positions": {N: s.N, Patterns: s, Rows: s.Rows[1:], Cols: s.Cols},
		"mask":      {N: s.N, Patterns: s, Rows: s.Rows, Cols: s.Cols, Mask: make([]uint8, 7)},
		"side":      {Patterns: s, Rows: s.Rows, Cols: s.Cols},
	} {
		if _, err := Run(t.Context(), in); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestScan_SurvivesHostileCounts: any counts give findings or none, without a panic and with finite numbers.
func TestScan_SurvivesHostileCounts(t *testing.T) {
	fixture.Long(t)
	rng := rand.New(rand.NewPCG(3, 3))
	for name, value := range map[string]func() float32{
		"zero": func() float32 { return 0 }, "equal": func() float32 { return 7 }, "largest": func() float32 { return math.MaxFloat32 },
		"binary": func() float32 { return float32(rng.IntN(2)) }, "marked": func() float32 { return 65535 },
		"any": func() float32 { return float32(math.Exp(80 * rng.Float64())) }, "negative": func() float32 { return float32(rng.NormFloat64()) },
	} {
		s := sound(t, 1)
		each(s, func(_, _ int, _ float32) float32 { return value() })
		found, err := Scan(t.Context(), s)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, f := range found {
			for _, v := range f.Evidence {
				if math.IsNaN(v) || math.IsInf(v, 0) || math.IsNaN(f.LogChance) || math.IsInf(f.LogChance, 0) {
					t.Errorf("%s: %s has a number that is not finite: %v %v", name, f.ID, f.LogChance, f.Evidence)
				}
			}
		}
	}
}

// TestScan_NamesRowsOfTheFile: in a part of a file, frames are named by their rows in it, in text and in the list.
func TestScan_NamesRowsOfTheFile(t *testing.T) {
	s := sound(t, 0)
	for i := range s.Index {
		s.Index[i] = 1000 + 2*i
	}
	clear(s.Pattern(7))
	found, err := Scan(t.Context(), s)
	if err != nil || len(found) != 1 || !slices.Equal(found[0].Frames, []int{1014}) || !strings.Contains(found[0].What, "frame 1014;") {
		t.Errorf("found %v, %v", found, err)
	}
}
