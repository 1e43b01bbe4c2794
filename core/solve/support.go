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

// Support is the result of CheckSupport, which tests whether patterns and positions agree: an object fitted to three of
// four patterns predicts the fourth from its neighbours. With positions in a wrong unit, or of another scan, it
// predicts no better than an empty object, or no better than with shuffled coordinates of one axis.
type Support struct {
	R        float64 // Σ(√λ − √k)²/Σk of the patterns held out
	Flat     float64 // of an empty object on them
	Noise    float64 // R from photon noise alone
	Patterns int     // used; a quarter of them held out
	Empty    bool    // R is not better than Flat
	Axes     []Axis  // with uninformative coordinates
	Fitted   bool    // the probe was fitted too
	each     []float64
	empty    []float64
}

// Axis is an axis of the positions whose coordinates could be shuffled without a loss.
type Axis struct {
	Name     string  // in the file
	Shuffled float64 // R with shuffled coordinates
}

const (
	// Half of an empty object's misfit cannot be chance: positions that are wrong along one axis leave two thirds of it
	// or more.
	convincing = 0.5
	// An object, or an axis, is informative if it reduces the misfit by a tenth, or by more than four standard errors.
	minGain, minErrors = 0.9, 4
	// The misfit of an empty object must be at least five times that of photon noise. Valid scans with a few hundred
	// photons per pattern were doubted otherwise.
	explicable = 5
	// With fewer patterns too few are held out.
	fewestSupport = 3 * heldOut
	// An axis along which the scan is narrower than this share of the probe's diameter is the width of a line; its
	// order is irrelevant.
	lineWidth = 0.5
)

// Decidable reports that an empty object does not fit the patterns to within their noise, so that they say something about positions.
func (s Support) Decidable() bool { return s.Patterns > 0 && s.Flat > explicable*s.Noise }

// Convincing reports that the patterns fit the positions with the probe of the scan.
func (s Support) Convincing() bool { return !s.Fitted && s.R < convincing*s.Flat }

// Doubtful reports that positions and patterns disagree.
func (s Support) Doubtful() bool { return s.Empty || len(s.Axes) > 0 }

func (s Support) String() string {
	if s.Empty {
		return fmt.Sprintf("an object fitted to other patterns predicts these with R %.4f, no better than an empty object with R %.4f", s.R, s.Flat)
	}
	var text []string
	for _, a := range s.Axes {
		text = append(text, fmt.Sprintf("with shuffled %s R is %.4f", a.Name, a.Shuffled))
	}
	return fmt.Sprintf("an object fitted to other patterns predicts these with R %.4f, an empty object with R %.4f, and %s", s.R, s.Flat, strings.Join(text, ", "))
}

// CheckSupport runs short fits of a connected part of the scan, which needs a probe: with a fixed probe, and if that
// predicts little, with a fitted one. Only a doubtful result costs more fits, of patterns of equal brightness among them: exposures
// that change from one pattern to the next cannot be predicted from neighbours.
func CheckSupport(ctx context.Context, s *scan.Scan, threads int) (Support, error) {
	if s.Len() < fewestSupport || s.Probe == nil {
		return Support{}, nil
	}
	part, err := s.Select(middleOf(s, litPatterns(s), geometryPatterns))
	if err != nil || part.Len() < fewestSupport {
		return Support{}, err
	}
	best, err := supportOf(ctx, part, threads)
	if err == nil && best.Doubtful() {
		var even Support
		if even, err = supportOf(ctx, equallyBright(part), threads); err == nil && even.R < convincing*even.Flat && !even.Doubtful() {
			best = even
		}
	}
	if err != nil {
		return Support{}, fmt.Errorf("support of the positions: %w", err)
	}
	return best, nil
}

// equallyBright returns the scan with patterns scaled to their mean number of counts.
func equallyBright(s *scan.Scan) *scan.Scan {
	even, size := *s, s.N*s.N
	even.Counts = make([]float32, 0, s.Len()*size)
	totals := s.Totals()
	mean := sum(totals) / float64(len(totals))
	for j, pattern := range s.All() {
		factor := float32(1)
		if totals[j] > 0 {
			factor = float32(mean / totals[j])
		}
		for _, k := range pattern {
			even.Counts = append(even.Counts, factor*k)
		}
	}
	even.Stored = nil
	return &even
}

// supportOf is CheckSupport for all patterns of a scan.
func supportOf(ctx context.Context, part *scan.Scan, threads int) (best Support, err error) {
	for _, fit := range []bool{false, true} {
		next, err := support(ctx, part, fit, threads)
		if err != nil {
			return Support{}, err
		}
		if !fit || next.R < best.R {
			best = next
		}
		if best.R < convincing*best.Flat {
			return best, nil
		}
	}
	if !best.Decidable() {
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
		if slices.Max(*p)-slices.Min(*p) < lineWidth*scan.ProbeDiameter(part.Probe, part.N) {
			continue
		}
		*p = slices.Clone(*p)
		rand.New(rand.NewPCG(1, 1)).Shuffle(len(*p), func(i, j int) { (*p)[i], (*p)[j] = (*p)[j], (*p)[i] })
		other, err := support(ctx, &shuffled, best.Fitted, threads)
		if err != nil {
			return Support{}, err
		}
		if unexplained(best.each, other.each) {
			best.Axes = append(best.Axes, Axis{a.name, other.R})
		}
	}
	return best, nil
}

// unexplained reports that the misfits are not lower than those without the tested part.
func unexplained(with, without []float64) bool {
	return sum(with) > minGain*sum(without) && standardErrors(with, without) < minErrors
}

// litShare of the median counts is the least that a lit pattern has; below it the beam was off, or the frame was
// dropped.
const litShare = 0.1

// litPatterns returns the lit patterns.
func litPatterns(s *scan.Scan) []int {
	totals := s.Totals()
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
	out := Support{Patterns: part.Len(), Fitted: fit}
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

// rootVariance is the variance of the root of a Poisson number: (√λ − √k)² is a quarter on average.
const rootVariance = 0.25
