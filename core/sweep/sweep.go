// Package sweep measures patterns in one look at each: their sums, their largest counts and those of each pixel, a hash, and the values that
// stand out from those around. It is a package of its own because patterns are measured where they are written, in package scan, and
// where they are examined.
package sweep

import (
	"math"
	"math/bits"

	"github.com/ptychogo/ptycho/internal/machine"
)

// Brightest is the number of largest counts that a pattern's Total leaves out, against cosmic rays.
const Brightest = 3

// A Count is a type in which patterns are measured. Integers of a file are not converted.
type Count interface{ uint16 | float32 }

// A value may be a spike if it is at least Factor times those on its left and right in memory, and Factor times floor.
const Factor, floor = 2, 3

// A measure is what one look at a pattern finds.
type measure struct {
	sum   float64 // of the counts
	total float64 // without the brightest
	peak  float32 // largest count
	hash  uint64  // equal patterns have equal ones
}

// useVectors selects the AVX2 kernels, as in core/fft. Plain Go has the same results.
var useVectors = vectors()

func vectors() bool {
	path, err := machine.SelectInstructions()
	return err == nil && path != machine.Portable
}

// lanes16 and lanes32 are the counts of one vector.
const lanes16, lanes32 = 16, 8

// A Hit says which counts of a vector passed a test.
type Hit struct {
	set uint32 // a bit for each byte of a uint16, for each float32
	at  uint32 // index of the vector's first count
}

// Hits returns memory for the hits in so many counts. A kernel writes one more than it finds.
func Hits(counts int) []Hit { return make([]Hit, 0, counts/lanes32+2) }

// mark adds the count i to the hits.
func mark(hits []Hit, i, lanes, width int) []Hit {
	lane := i % lanes
	if last := len(hits) - 1; last < 0 || int(hits[last].at) != i-lane {
		hits = append(hits, Hit{at: uint32(i - lane)})
	}
	hits[len(hits)-1].set |= (1<<width - 1) << (width * lane)
	return hits
}

// Each calls visit with the index of each count of the hits, of which each has so many bits: 2 for uint16, 1 for float32.
func Each(hits []Hit, width int, visit func(i int)) {
	for _, h := range hits {
		for set := h.set; set != 0; {
			at := bits.TrailingZeros32(set)
			visit(int(h.at) + at/width)
			set &^= (1<<width - 1) << at
		}
	}
}

// hashFactor is the factor of the hash, in 16 lanes of 16 bits: h·hashFactor + count. Any odd one leaves no bit out.
const hashFactor = 40503

// A state16 is what the kernel of 16-bit counts keeps: in each lane the three largest values, highest first; the sums of the low and of
// the high bytes; and the hash.
type state16 struct {
	top       [Brightest][lanes16]uint16
	low, high [4]uint64
	hash      [16]uint16
}

// sweep16 measures a pattern of 16-bit counts. It raises most to them, and adds the values that may be spikes to hits. The kernels and plain Go
// have the same results.
func sweep16(counts, most []uint16, hits []Hit) (measure, []Hit) {
	var s state16
	most = most[:len(counts)]
	from, to := vectorsOf(len(counts), lanes16)
	for i := range counts[:from] {
		hits = s.add(counts, most, i, hits)
	}
	if to > from {
		n := sweep16AVX2(from, to, &counts[0], &most[0], &s, &hits[:cap(hits)][len(hits)])
		hits = hits[:len(hits)+n]
	}
	for i := to; i < len(counts); i++ {
		hits = s.add(counts, most, i, hits)
	}
	out := measure{hash: fold(s.hash)}
	for k := range s.low {
		out.sum += float64(s.low[k] + s.high[k]<<8)
	}
	out.finish(func(lane, of int) float32 { return float32(s.top[of][lane]) }, lanes16)
	return out, hits
}

func (s *state16) add(counts, most []uint16, i int, hits []Hit) []Hit {
	k, lane := counts[i], i%lanes16
	most[i] = max(most[i], k)
	if k/Factor >= beside(counts, i) {
		hits = mark(hits, i, lanes16, 2)
	}
	s.low[0] += uint64(k)
	s.hash[lane] = s.hash[lane]*hashFactor + k
	insert(&s.top, lane, k)
	return hits
}

// vectorsOf returns the part of a pattern of n counts that a kernel does: whole vectors with a count before and one behind.
func vectorsOf(n, lanes int) (from, to int) {
	from, to = lanes, (n-1)/lanes*lanes
	if !useVectors || to <= from {
		return n, n
	}
	return from, to
}

// beside returns the larger of the counts before and behind, at least floor.
func beside[T Count](counts []T, i int) T {
	near := T(floor)
	if i > 0 {
		near = max(near, counts[i-1])
	}
	if i+1 < len(counts) {
		near = max(near, counts[i+1])
	}
	return near
}

// prime is that of FNV-1a with 64 bits.
const prime = 1099511628211

// fold makes one hash of the lanes.
func fold(lanes [16]uint16) uint64 {
	h := uint64(14695981039346656037)
	for _, v := range lanes {
		h = (h ^ uint64(v)) * prime
	}
	return h
}

// insert adds a value to the largest of a lane.
func insert[T Count, V [lanes16]T | [lanes32]T](top *[Brightest]V, lane int, k T) {
	for j := range top {
		if k > top[j][lane] {
			top[j][lane], k = k, top[j][lane]
		}
	}
}

// finish subtracts the brightest values of all lanes from the sum.
func (s *measure) finish(top func(lane, of int) float32, lanes int) {
	var largest [Brightest]float32
	for of := range Brightest {
		for lane := range lanes {
			v := top(lane, of)
			if v <= largest[Brightest-1] {
				continue
			}
			for j := range largest {
				if v > largest[j] {
					largest[j], v = v, largest[j]
				}
			}
		}
	}
	s.peak, s.total = largest[0], s.sum
	for j := range largest {
		s.total -= float64(largest[len(largest)-1-j])
	}
}

// A state32 is that of 32-bit counts, with a sum for each lane and a hash of their halves.
type state32 struct {
	top  [Brightest][lanes32]float32
	sum  [lanes32]float64
	hash [16]uint16
}

// sweep32 is sweep16 for counts that may be fractions. The kernel and plain Go add in the same order.
func sweep32(counts, most []float32, hits []Hit) (measure, []Hit) {
	var s state32
	most = most[:len(counts)]
	from, to := vectorsOf(len(counts), lanes32)
	for i := range counts[:from] {
		hits = s.add(counts, most, i, hits)
	}
	if to > from {
		n := sweep32AVX2(from, to, &counts[0], &most[0], &s, &hits[:cap(hits)][len(hits)])
		hits = hits[:len(hits)+n]
	}
	for i := to; i < len(counts); i++ {
		hits = s.add(counts, most, i, hits)
	}
	out := measure{hash: fold(s.hash)}
	for _, v := range s.sum {
		out.sum += v
	}
	out.finish(func(lane, of int) float32 { return s.top[of][lane] }, lanes32)
	return out, hits
}

func (s *state32) add(counts, most []float32, i int, hits []Hit) []Hit {
	k, lane := counts[i], i%lanes32
	most[i] = max(most[i], k)
	if k/Factor >= beside(counts, i) {
		hits = mark(hits, i, lanes32, 1)
	}
	s.sum[lane] += float64(k)
	b := math.Float32bits(k)
	s.hash[2*lane] = s.hash[2*lane]*hashFactor + uint16(b)
	s.hash[2*lane+1] = s.hash[2*lane+1]*hashFactor + uint16(b>>16)
	insert(&s.top, lane, k)
	return hits
}

// Above adds the counts that are above their least value to hits.
func Above(counts, least []float32, hits []Hit) []Hit {
	least = least[:len(counts)]
	to := 0
	if useVectors && len(counts) >= lanes32 {
		to = len(counts) / lanes32 * lanes32
		n := above32AVX2(0, to, &counts[0], &least[0], &hits[:cap(hits)][len(hits)])
		hits = hits[:len(hits)+n]
	}
	for i := to; i < len(counts); i++ {
		if counts[i] > least[i] {
			hits = mark(hits, i, lanes32, 1)
		}
	}
	return hits
}
