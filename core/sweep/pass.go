package sweep

import "math"

// Measures is what a pass over the patterns of a scan collects.
type Measures struct {
	Sum     []float64 // [n] of the counts
	Total   []float64 // [n] of the counts without the brightest three
	Peak    []float32 // [n] largest count
	Hash    []uint64  // [n] equal patterns have equal ones
	Spikes  []Spike   // of the patterns that are not crowded
	Crowded []bool    // [n] more spikes than are kept
}

// A Spike is a value that is at least Factor times the largest of the pixels around, and 6. That does not depend on other patterns.
type Spike struct {
	Pattern, Pixel int32
	Value, Near    float32 // Near: the largest of the pixels around
}

// spikeShare is the share of a pattern's values that are kept as spikes at most, and at least fewestSpikes.
const spikeShare, fewestSpikes = 1. / 512, 8

// A Pass measures patterns, in any order, each once.
type Pass[T Count] struct {
	Measures
	Most  []T // [pixels] largest count
	side  int // pixels of a row
	bad   []int
	clean []T // a pattern whose bad pixels are 0
	found []Spike
	hits  []Hit
	width int // bits of a count in a hit
	sweep func(counts, most []T, hits []Hit) (measure, []Hit)
}

// Integers returns a pass over n patterns of so many pixels, a square. bad, which may be nil, says which pixels count as 0.
func Integers(n, pixels int, bad []bool) *Pass[uint16] { return newPass(n, pixels, bad, sweep16) }

// Floats is Integers for counts that may be fractions.
func Floats(n, pixels int, bad []bool) *Pass[float32] { return newPass(n, pixels, bad, sweep32) }

func newPass[T Count](n, pixels int, bad []bool, sweep func(counts, most []T, hits []Hit) (measure, []Hit)) *Pass[T] {
	c := &Pass[T]{side: int(math.Round(math.Sqrt(float64(pixels)))), Most: make([]T, pixels), sweep: sweep, width: 1, hits: Hits(pixels)}
	if c.side*c.side != pixels {
		c.side = pixels // one row
	}
	if _, is := any(c.Most).([]uint16); is {
		c.width = 2
	}
	c.Sum, c.Total, c.Peak, c.Hash, c.Crowded = make([]float64, n), make([]float64, n), make([]float32, n), make([]uint64, n), make([]bool, n)
	for i, b := range bad {
		if b {
			c.bad = append(c.bad, i)
		}
	}
	if len(c.bad) > 0 {
		c.clean = make([]T, pixels)
	}
	return c
}

// Add measures pattern j.
func (c *Pass[T]) Add(j int, counts []T) {
	if len(c.bad) > 0 {
		copy(c.clean, counts)
		for _, i := range c.bad {
			c.clean[i] = 0
		}
		counts = c.clean
	}
	var m measure
	m, c.hits = c.sweep(counts, c.Most, c.hits[:0])
	c.Sum[j], c.Total[j], c.Peak[j], c.Hash[j] = m.sum, m.total, m.peak, m.hash
	c.found = c.found[:0]
	Each(c.hits, c.width, func(i int) {
		if x := i % c.side; x > 0 && x < c.side-1 {
			c.look(j, i, counts)
		}
	})
	for from := 0; from < len(counts); from += c.side { // the sweep compares the ends of a row with other rows
		for _, i := range [2]int{from, from + c.side - 1} {
			if counts[i] >= Factor*floor {
				c.look(j, i, counts)
			}
		}
	}
	if c.Crowded[j] = len(c.found) > max(fewestSpikes, int(spikeShare*float64(len(counts)))); !c.Crowded[j] {
		c.Spikes = append(c.Spikes, c.found...)
	}
}

// look finds out whether the value at i is a spike.
func (c *Pass[T]) look(j, i int, counts []T) {
	v := counts[i]
	if v < Factor*floor {
		return
	}
	if near := BrightestNear(counts, nil, c.side, i, v/Factor+1); near <= v/Factor {
		c.found = append(c.found, Spike{int32(j), int32(i), float32(v), float32(near)})
	}
}

// BrightestNear returns the largest of the pixels around i, in a pattern with rows of n, that are not bad, 0 if there are none; if one is at least
// enough, it returns one that is. bad may be nil.
func BrightestNear[T Count](counts []T, bad []bool, n, i int, enough T) T {
	most := T(0)
	y, x, rows := i/n, i%n, len(counts)/n
	if y == 0 || x == 0 || y == rows-1 || x == n-1 {
		for v := max(y-1, 0); v <= min(y+1, rows-1); v++ {
			for u := max(x-1, 0); u <= min(x+1, n-1); u++ {
				if q := v*n + u; q != i && (bad == nil || !bad[q]) {
					most = max(most, counts[q])
				}
			}
		}
		return most
	}
	for _, from := range [...]int{i - 1, i - n - 1, i + n - 1} { // the nearest are most likely to be enough
		for k, v := range counts[from : from+3] {
			if v > most && from+k != i && (bad == nil || !bad[from+k]) {
				most = v
			}
		}
		if most >= enough {
			return most
		}
	}
	return most
}
