package examine

import (
	"cmp"
	"context"
	"math"
	"math/bits"
	"slices"

	"github.com/ptychogo/ptycho/internal/machine"
)

// brightest is the number of largest values that a frame's total leaves out, against cosmic rays.
const brightest = 3

// A count is a type in which a sweep reads counts. Integers of a file are not converted.
type count interface{ uint16 | float32 }

// limits hold what a sweep knows of each pixel.
type limits[T count] struct {
	good  []T      // the bits of a count that are kept: all, or none of a pixel that is left out
	least []T      // a value above may be a cosmic ray
	most  []T      // largest value of the frames so far
	above []uint32 // of the last frame, for each vector: bits of the values above least
}

// newLimits returns limits for pixels that are not bad. With a nil least no value is above.
func newLimits[T count](bad []bool, least []float32, lanes int, all, top T, atMost func(float32) T) limits[T] {
	n := len(bad)
	l := limits[T]{good: make([]T, n), least: make([]T, n), most: make([]T, n), above: make([]uint32, n/lanes+1)}
	for i, b := range bad {
		if !b {
			l.good[i] = all
		}
		if l.least[i] = top; least != nil && !b {
			l.least[i] = atMost(least[i])
		}
	}
	return l
}

func limits16(bad []bool, least []float32) limits[uint16] {
	return newLimits(bad, least, lanes16, math.MaxUint16, math.MaxUint16, func(v float32) uint16 { return uint16(min(max(v, 0), math.MaxUint16)) })
}

func limits32(bad []bool, least []float32) limits[float32] {
	return newLimits(bad, least, lanes32, math.Float32frombits(math.MaxUint32), math.MaxFloat32, func(v float32) float32 { return v })
}

// A swept frame.
type swept struct {
	total float64 // of the good counts without the brightest
	peak  float32 // largest good count
	above bool    // some good count is above least
}

// useVectors selects the AVX2 kernels, as in core/fft. Plain Go has the same results.
var useVectors = vectors()

func vectors() bool {
	path, err := machine.SelectInstructions()
	return err == nil && path != machine.Portable
}

// lanes16 and lanes32 are the counts of one vector.
const lanes16, lanes32 = 16, 8

// A state16 is what the kernel of 16-bit counts keeps: in each lane the three largest values, highest first; the sums of the low and of
// the high bytes; and whether a value was above least.
type state16 struct {
	top       [brightest][lanes16]uint16
	low, high [4]uint64
	above     uint32
}

// sweep16 examines a frame of 16-bit counts.
func sweep16(counts []uint16, l limits[uint16]) swept {
	var s state16
	good, least, most := l.good[:len(counts)], l.least[:len(counts)], l.most[:len(counts)]
	n := 0
	if useVectors && len(counts) >= lanes16 {
		n = len(counts) - len(counts)%lanes16
		sweep16AVX2(n, &counts[0], &good[0], &least[0], &most[0], &s, &l.above[0])
	}
	clear(l.above[n/lanes16:])
	for i, k := range counts[n:] {
		k &= good[n+i]
		most[n+i] = max(most[n+i], k)
		s.low[0] += uint64(k)
		if k > least[n+i] {
			s.above |= 1
			l.above[(n+i)/lanes16] |= 3 << (2 * (i % lanes16))
		}
		insert(&s.top, i%lanes16, k)
	}
	out := swept{above: s.above != 0}
	for k := range s.low {
		out.total += float64(s.low[k] + s.high[k]<<8)
	}
	out.finish(func(lane, of int) float32 { return float32(s.top[of][lane]) }, lanes16)
	return out
}

// insert adds a value to the largest of a lane.
func insert[T count, V [lanes16]T | [lanes32]T](top *[brightest]V, lane int, k T) {
	for j := range top {
		if k > top[j][lane] {
			top[j][lane], k = k, top[j][lane]
		}
	}
}

// finish subtracts the brightest values of all lanes from the total.
func (s *swept) finish(top func(lane, of int) float32, lanes int) {
	var largest [brightest]float32
	for of := range brightest {
		for lane := range lanes {
			v := top(lane, of)
			for j := range largest {
				if v > largest[j] {
					largest[j], v = v, largest[j]
				}
			}
		}
	}
	s.peak = largest[0]
	for j := range largest {
		s.total -= float64(largest[len(largest)-1-j])
	}
}

// A state32 is that of 32-bit counts, with a sum for each lane.
type state32 struct {
	top   [brightest][lanes32]float32
	sum   [lanes32]float64
	above uint32
}

// sweep32 examines a frame of counts, which may be fractions. The kernel and plain Go add in the same order.
func sweep32(counts []float32, l limits[float32]) swept {
	var s state32
	good, least, most := l.good[:len(counts)], l.least[:len(counts)], l.most[:len(counts)]
	n := 0
	if useVectors && len(counts) >= lanes32 {
		n = len(counts) - len(counts)%lanes32
		sweep32AVX2(n, &counts[0], &good[0], &least[0], &most[0], &s, &l.above[0])
	}
	clear(l.above[n/lanes32:])
	for i, k := range counts[n:] {
		if good[n+i] == 0 {
			k = 0
		}
		most[n+i] = max(most[n+i], k)
		s.sum[i%lanes32] += float64(k)
		if k > least[n+i] {
			s.above |= 1
			l.above[(n+i)/lanes32] |= 1 << (i % lanes32)
		}
		insert(&s.top, i%lanes32, k)
	}
	out := swept{above: s.above != 0}
	for _, v := range s.sum {
		out.total += v
	}
	out.finish(func(lane, of int) float32 { return s.top[of][lane] }, lanes32)
	return out
}

// sweep measures all frames that are not left out, in one pass: total, peak and hash, the largest count of each pixel, and whether a value
// is above the factor of its pixel, nil for none.
func (p *profile) sweep(ctx context.Context, factor []float64) error {
	p.sampled()
	var least []float32
	if factor != nil {
		least = p.thresholds(factor)
	}
	if r, ok := p.Patterns.(stored); ok && r.Integers(0, 1) != nil {
		return p.sweepStored(ctx, r, limits16(p.bad, least), factor)
	}
	l := limits32(p.bad, least)
	err := p.each(ctx, func(j int, counts []float32) {
		s := sweep32(counts, l)
		p.keep(j, s, hashOf(counts, p.sample))
		p.suspicious[j] = s.above && standsOut(p, counts, l.above, lanes32, 1, factor)
	})
	copy(p.most, l.most)
	return err
}

// standsOut reports whether one of the values above least is also above factor times the pixels around. Each has so many bits in above.
func standsOut[T count](p *profile, counts []T, above []uint32, lanes, width int, factor []float64) bool {
	for v, set := range above {
		for ; set != 0; set &= set - 1 {
			i := v*lanes + bits.TrailingZeros32(set)/width
			if float64(counts[i]) > factor[i]*float64(brightestNear(p, counts, i, counts[i]))*(1-1e-6) {
				return true
			}
		}
	}
	return false
}

// brightestNear returns the largest of the good pixels around i, 0 if there are none; if one is at least enough, it returns one that is.
func brightestNear[T count](p *profile, counts []T, i int, enough T) T {
	most, n := T(0), p.N
	if y, x := i/n, i%n; y > 0 && x > 0 && y < n-1 && x < n-1 {
		for _, from := range [...]int{i - 1, i - n - 1, i + n - 1} {
			row, bad := counts[from:from+3], p.bad[from:from+3]
			for k, v := range row {
				if v > most && !bad[k] && from+k != i {
					most = v
				}
			}
			if most >= enough {
				return most
			}
		}
		return most
	}
	p.near(i, func(q int) {
		if !p.bad[q] {
			most = max(most, counts[q])
		}
	})
	return most
}

// sweepStored is sweep in the type of the file.
func (p *profile) sweepStored(ctx context.Context, r stored, l limits[uint16], factor []float64) error {
	size := len(p.bad)
	for j := 0; j < len(p.at); {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n := 1
		for n < max(readAtOnce/size, 1) && j+n < len(p.at) && p.at[j+n] == p.at[j]+n {
			n++
		}
		counts := r.Integers(p.at[j], n)
		n = len(counts) / size
		for i := range n {
			if frame := counts[i*size : (i+1)*size]; !p.out[j+i] {
				s := sweep16(frame, l)
				p.keep(j+i, s, hashOf(frame, p.sample))
				p.suspicious[j+i] = s.above && standsOut(p, frame, l.above, lanes16, 2, factor)
			}
		}
		j += n
	}
	for i, v := range l.most {
		p.most[i] = float32(v)
	}
	return nil
}

// keep stores the measures of a frame.
func (p *profile) keep(j int, s swept, hash uint64) {
	p.total[j], p.peak[j] = s.total, s.peak
	p.hash[j] = (hash ^ math.Float64bits(s.total)) * prime
}

// hashedPixels is the number of pixels by which frames are compared, the brightest of those that change; equal hashes are verified.
const hashedPixels = 256

// sampled chooses the pixels of the hash.
func (p *profile) sampled() {
	if p.sample != nil {
		return
	}
	p.sample = []int{}
	for i := range p.sum {
		if !p.bad[i] && p.high[i] > p.least[i] {
			p.sample = append(p.sample, i)
		}
	}
	slices.SortStableFunc(p.sample, func(a, b int) int { return cmp.Compare(p.sum[b], p.sum[a]) })
	p.sample = p.sample[:min(len(p.sample), hashedPixels)]
}

// prime is that of FNV-1a with 64 bits.
const prime = 1099511628211

// hashOf returns a hash of some pixels.
func hashOf[T count](counts []T, pixels []int) uint64 {
	h := uint64(14695981039346656037)
	for _, q := range pixels {
		h = (h ^ uint64(math.Float32bits(float32(counts[q])))) * prime
	}
	return h
}
