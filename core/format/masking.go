package format

import (
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/internal/words"
)

const (
	// A mask counts as inverted if its valid pixels are under half of all and its bad pixels have nine tenths of the
	// counts: bad pixels of a correct mask read nothing, or are in the dark.
	invertedShare = 0.9
	invertedValid = 0.5
	// hotShare is the share of the brightest bad pixels that is left out of the sum: they may be hot or contain a
	// marker value.
	hotShare = 0.01
)

// estimate returns the counts of a masked value, which may be anything; 0 if it is not a valid number of photons.
func (c *converter) estimate(d float64) float64 {
	switch c.units {
	case Counts:
	case Normalised:
		d *= d * c.scale * c.scale
	default:
		d *= d
	}
	if !(d > 0) || d > math.MaxFloat32 {
		return 0
	}
	return d
}

// checkMask rejects a mask that hides nearly all counts, as an inverted one does.
func (s *sorter) checkMask() error {
	if s.hidden == nil {
		return nil
	}
	var bad []float64
	for pixel, valid := range s.mask {
		if valid == 0 {
			bad = append(bad, s.hidden[pixel])
		}
	}
	slices.Sort(bad)
	var hidden float64
	for _, k := range bad[:len(bad)-int(hotShare*float64(len(bad)))] {
		hidden += k
	}
	seen, all, valid := s.seen, len(s.mask), len(s.mask)-len(bad)
	switch {
	case hidden == 0:
		return nil // the patterns are dark with and without the mask
	case seen == 0:
	case float64(valid) >= invertedValid*float64(all), hidden < invertedShare*(hidden+seen):
		return nil
	}
	return npz.Errorf(s.d.Path, "%s leaves %d of %s valid, with %.1f %% of the counts", keyMask, valid, words.Of(all, "pixel"), 100*seen/(hidden+seen)).
		Hint("1 means valid; if the mask is inverted, save 1 - %s", keyMask)
}
