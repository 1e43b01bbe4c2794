package examine

import (
	"context"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/sweep"
)

// Scan examines a scan.
func Scan(ctx context.Context, s *scan.Scan) ([]Finding, error) {
	in := Input{N: s.N, Patterns: &oneByOne{Scan: s}, Rows: s.Rows, Cols: s.Cols, Index: s.Index, Mask: s.Mask, Probe: s.Probe, Modes: s.Modes}
	if s.Probe != nil {
		in.Diameter = scan.ProbeDiameter(s.Probe, s.N)
	}
	return Run(ctx, in)
}

// stored is implemented by patterns that can be stored as integers.
type stored interface {
	// Integers returns as many of n consecutive patterns as can be had at once, at least one, until its next call; nil if they are not integers of at
	// most 16 bits.
	Integers(first, n int) []uint16
	// Part returns the pixels of a pattern from one to before another, until its next call; nil as Integers does.
	Part(i, from, to int) []uint16
	// Measured returns what was measured of all patterns when they were written; nil if it is not known.
	Measured() *sweep.Pass[uint16]
}

// oneByOne yields patterns of a file in one slice, which it uses again.
type oneByOne struct {
	*scan.Scan
	pattern  []float32
	integers []uint16
}

// Pattern implements Patterns.
func (o *oneByOne) Pattern(i int) []float32 {
	if o.Stored == nil {
		return o.Scan.Pattern(i)
	}
	if o.pattern == nil {
		o.pattern = make([]float32, o.N*o.N)
	}
	if counts := o.Integers(i, 1); counts != nil {
		widen16(o.pattern, counts)
	} else {
		o.Fill(o.pattern, i)
	}
	return o.pattern
}

// readAtOnce is the number of counts that are read at once from a file.
const readAtOnce = 1 << 17

// Integers implements stored.
func (o *oneByOne) Integers(first, n int) []uint16 {
	if o.Stored == nil || !o.Stored.ReadIntegers(nil, 0) {
		return nil
	}
	size := o.N * o.N
	n = min(n, max(readAtOnce/size, 1))
	if len(o.integers) < n*size {
		o.integers = make([]uint16, n*size)
	}
	counts := o.integers[:n*size]
	o.Stored.ReadIntegers(counts, first)
	return counts
}

// Part implements stored.
func (o *oneByOne) Part(i, from, to int) []uint16 {
	if o.Stored == nil {
		return nil
	}
	if len(o.integers) < to-from {
		o.integers = make([]uint16, o.N*o.N)
	}
	if counts := o.integers[:to-from]; o.Stored.ReadIntegersFrom(counts, i, from) {
		return counts
	}
	return nil
}

// Measured implements stored.
func (o *oneByOne) Measured() *sweep.Pass[uint16] {
	if o.Stored == nil {
		return nil
	}
	return o.Stored.Measured()
}
