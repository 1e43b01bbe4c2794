package solve

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/scan"
)

// Support says whether the patterns of a scan agree with its positions: an object fitted to three of four patterns predicts the fourth
// from its neighbours. With positions in a wrong unit, or of another scan, it predicts no better than an empty object, or no better
// than with the coordinates of one axis in a random order.
type Support struct {
	R        float64 // Σ(√λ − √k)²/Σk of the patterns held out
	Flat     float64 // of an empty object on them
	Noise    float64 // R that photon noise alone would leave
	Patterns int     // that were used, a quarter of them held out
	Empty    bool    // R is no better than Flat
	Axes     []Axis  // whose coordinates say nothing
	each     []float64
	empty    []float64
}

// Axis is an axis of the positions whose coordinates could as well be in another order.
type Axis struct {
	Name     string  // as the file calls it
	Shuffled float64 // R with the order changed
}

const (
	// Half an empty object's misfit is no chance: positions that are wrong along one axis leave two thirds of it or more.
	convincing = 0.5
	// An object, or an axis, explains something when it takes a tenth off the misfit without it, or does so beyond four standard errors.
	leastGain, leastErrors = 0.9, 4
	// There has to be something to explain: a misfit of an empty object of five times what photon noise leaves. At a few hundred photons a
	// pattern sound scans were doubted.
	explicable = 5
	// With fewer patterns too few are held out.
	fewestSupport = 3 * heldOut
	// An axis along which the scan is narrower than this share of the probe's diameter is a line's width: its order does not matter.
	lineWidth = 0.5
)

// Doubtful reports that the positions do not go with the patterns.
func (s Support) Doubtful() bool { return s.Empty || len(s.Axes) > 0 }

func (s Support) String() string {
	if s.Empty {
		return fmt.Sprintf("from the others an object predicts patterns with R %.4f, no better than an empty one with R %.4f", s.R, s.Flat)
	}
	var text []string
	for _, a := range s.Axes {
		text = append(text, fmt.Sprintf("with %s in a random order R is %.4f", a.Name, a.Shuffled))
	}
	return fmt.Sprintf("from the others an object predicts patterns with R %.4f, an empty one with R %.4f, and %s", s.R, s.Flat, strings.Join(text, ", "))
}

// CheckSupport makes short fits of a connected part of the scan, which needs a probe: with the probe as it is, and if that explains
// little, fitting it too. Only what then looks doubtful costs more fits.
func CheckSupport(ctx context.Context, s *scan.Scan, threads int) (Support, error) {
	fail := func(err error) (Support, error) { return Support{}, fmt.Errorf("support of the positions: %w", err) }
	if s.Len() < fewestSupport || s.Probe == nil {
		return Support{}, nil
	}
	part, err := s.Select(litPatterns(s))
	if err == nil {
		part, err = part.Select(middle(part, geometryPatterns))
	}
	if err != nil || part.Len() < fewestSupport {
		return Support{}, err
	}
	var best Support
	fitted := false
	for _, fit := range []bool{false, true} {
		next, err := support(ctx, part, fit, threads)
		if err != nil {
			return fail(err)
		}
		if !fit || next.R < best.R {
			best, fitted = next, fit
		}
		if best.R < convincing*best.Flat {
			return best, nil
		}
	}
	if best.Flat <= explicable*best.Noise {
		return best, nil
	}
	if best.Empty = unexplained(best.each, best.empty); best.Empty {
		return best, nil
	}
	for _, a := range []struct {
		name string
		of   func(s *scan.Scan) *[]float64
	}{{"ycoords", func(s *scan.Scan) *[]float64 { return &s.Rows }}, {"xcoords", func(s *scan.Scan) *[]float64 { return &s.Cols }}} {
		shuffled := *part
		p := a.of(&shuffled)
		if slices.Max(*p)-slices.Min(*p) < lineWidth*scan.ProbeDiameter(s.Probe, s.N) {
			continue
		}
		*p = slices.Clone(*p)
		rand.New(rand.NewPCG(1, 1)).Shuffle(len(*p), func(i, j int) { (*p)[i], (*p)[j] = (*p)[j], (*p)[i] })
		other, err := support(ctx, &shuffled, fitted, threads)
		if err != nil {
			return fail(err)
		}
		if unexplained(best.each, other.each) {
			best.Axes = append(best.Axes, Axis{a.name, other.R})
		}
	}
	return best, nil
}

// unexplained reports that the misfits are not lower than those without what is examined.
func unexplained(with, without []float64) bool {
	return sum(with) > leastGain*sum(without) && standardErrors(with, without) < leastErrors
}

// litShare of the median counts is what a pattern has at least that is not empty: the beam was off, or the frame was dropped.
const litShare = 0.1

// litPatterns lists the patterns that are not empty.
func litPatterns(s *scan.Scan) []int {
	totals := make([]float64, s.Len())
	for j := range totals {
		for _, k := range s.Pattern(j) {
			totals[j] += float64(k)
		}
	}
	sorted := slices.Sorted(slices.Values(totals))
	var rows []int
	for j, total := range totals {
		if total >= litShare*sorted[len(sorted)/2] {
			rows = append(rows, j)
		}
	}
	return rows
}

func support(ctx context.Context, part *scan.Scan, fit bool, threads int) (Support, error) {
	out := Support{Patterns: part.Len()}
	each, empty, err := predictHeldOut(ctx, part, fit, geometryIterations, threads)
	if err != nil {
		return out, err
	}
	out.R, out.Flat, out.each, out.empty = sum(each), sum(empty), each, empty
	photons, dark := 0.0, 0.0
	for _, k := range part.Counts {
		photons += float64(k)
		if k > 0 {
			dark += rootVariance
		}
	}
	out.Noise = dark / max(photons, 1)
	if math.IsNaN(out.R) {
		out.R = math.Inf(1)
	}
	return out, nil
}

// rootVariance is that of the root of a Poisson number: (√λ − √k)² is a quarter on average.
const rootVariance = 0.25
