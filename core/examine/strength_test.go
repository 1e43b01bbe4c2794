package examine

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
)

// drawBase returns a scan in which faults are planted: 300 patterns of 32 or 48 pixels, 10⁴ to 10⁶ photons each, with an aberrated probe.
func drawBase(ctx context.Context, seed uint64) (*scan.Scan, error) {
	return drawWith(ctx, seed, simulate.Aberrated)
}

func drawWith(ctx context.Context, seed uint64, probe simulate.ProbeKind) (*scan.Scan, error) {
	rng := rand.New(rand.NewPCG(seed, 6))
	o := simulate.Options{Seed: seed, Object: []simulate.ObjectKind{simulate.Fields, simulate.Cells, simulate.Lines}[rng.IntN(3)], Probe: probe,
		N: 32 + 16*rng.IntN(2), Patterns: 300, Photons: math.Pow(10, 4+2*rng.Float64())}
	o.Height = 3 * o.N
	sim, err := simulate.New(ctx, o)
	if err != nil {
		return nil, err
	}
	return asScan(sim), nil
}

func copied(s *scan.Scan) *scan.Scan {
	c := *s
	c.Counts = slices.Clone(s.Counts)
	return &c
}

func names1(found []Finding) string {
	var out []string
	for _, f := range found {
		out = append(out, string(f.Severity)+" "+f.ID)
	}
	return strings.Join(out, ", ")
}

// needs returns the kind of probe with which a fault can be found: gains of pixels need one that ends within its window.
func (k kind) needs() simulate.ProbeKind {
	if slices.Contains(k.ids, Flat) {
		return simulate.Disk
	}
	return simulate.Aberrated
}

func (k kind) foundIn(found []Finding) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return slices.Contains(k.ids, f.ID) })
}

// TestScan_TrialOfStrengths prints from which strength each fault is found, in scans drawn by seed. The strongest of each kind is always
// found.
func TestScan_TrialOfStrengths(t *testing.T) {
	needsTrial(t)
	const scans = 4
	bases := map[simulate.ProbeKind][]*scan.Scan{}
	for k := range uint64(scans) {
		for _, probe := range []simulate.ProbeKind{simulate.Aberrated, simulate.Disk} {
			s, err := drawWith(t.Context(), *seed+k, probe)
			if err != nil {
				t.Fatal(err)
			}
			bases[probe] = append(bases[probe], s)
		}
	}
	fmt.Printf("\n| fault | strength | found in %d scans, by strength | identifiers |\n|---|---|---|---|\n", scans)
	also := map[string]int{}
	for at, k := range kinds() {
		if !strings.Contains(k.name, *only) {
			continue
		}
		text := ""
		last := 0
		for _, v := range k.strengths {
			hits := 0
			for j, s := range bases[k.needs()] {
				planted := copied(s)
				k.plant(planted, rand.New(rand.NewPCG(*seed+uint64(j), uint64(at))), v)
				found, err := Scan(t.Context(), planted)
				if err != nil {
					t.Fatal(err)
				}
				if k.foundIn(found) {
					hits++
				}
				for _, f := range found {
					if f.Severity != Note && !slices.Contains(k.ids, f.ID) {
						also[k.name+": "+string(f.Severity)+" "+f.ID]++
					}
				}
			}
			text += fmt.Sprintf("%.4g: %d, ", v, hits)
			last = hits
		}
		fmt.Printf("| %s | %s | %s | %s |\n", k.name, k.unit, strings.TrimSuffix(text, ", "), strings.Join(k.ids, ", "))
		if last < scans {
			t.Errorf("%s: the strongest was found in %d of %d scans", k.name, last, scans)
		}
	}
	fmt.Printf("\nother findings: %v\n", also)
}

// TestScan_TrialOfPairs plants two faults of the strongest kind at once: both are named in nine of ten pairs.
func TestScan_TrialOfPairs(t *testing.T) {
	needsTrial(t)
	const pairs, want = 50, 45
	all, both := kinds(), 0
	for k := range uint64(pairs) {
		rng := rand.New(rand.NewPCG(*seed+k, 7))
		a, b := all[rng.IntN(len(all))], all[rng.IntN(len(all))]
		for slices.Equal(a.ids, b.ids) || a.stage == b.stage && (a.stage == probe || a.stage == adc || a.stage == positions) {
			b = all[rng.IntN(len(all))]
		}
		s, err := drawWith(t.Context(), *seed+100+k, min(a.needs(), b.needs()))
		if err != nil {
			t.Fatal(err)
		}
		order := []kind{a, b}
		slices.SortStableFunc(order, func(a, b kind) int { return int(a.stage - b.stage) })
		for _, f := range order {
			f.plant(s, rng, f.strengths[len(f.strengths)-1-rng.IntN(min(2, len(f.strengths)-1)+1)/2])
		}
		found, err := Scan(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if a.foundIn(found) && b.foundIn(found) {
			both++
		} else {
			fmt.Printf("pair %d: %s and %s: found %s\n", k, a.name, b.name, names1(found))
		}
	}
	fmt.Printf("\n| pairs of faults | both named |\n|---|---|\n| %d | %d |\n\n", pairs, both)
	if both < want {
		t.Errorf("both faults were named in %d of %d pairs, want %d", both, pairs, want)
	}
}
