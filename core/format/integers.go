package format

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/ptychogo/ptycho/core/scan"
)

// integers reports whether the file's numbers are counts as they are: unsigned integers of at most four bytes in the order of the
// patterns, of which none is masked, corrected or moved.
func (s *sorter) integers() bool {
	e := s.d.patterns.Element().String()
	return (e == "|u1" || e == "<u2" || e == "<u4") && s.c.units == Counts && !s.c.raw && s.mask == nil && !s.d.arranges() &&
		axesOf(s.d) == [3]axis{patternAxis, rowAxis, columnAxis}
}

// copyIntegers passes the selected patterns on without converting each number to a float and back.
func (s *sorter) copyIntegers(ctx context.Context, rows []int) error {
	var short []uint16
	var long []uint32
	add := func(raw []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch s.d.patterns.Element().Size() {
		case 1:
			return appendCounts(ctx, s, raw)
		case 2:
			short = slices.Grow(short[:0], len(raw)/2)[:len(raw)/2]
			for i := range short {
				short[i] = binary.LittleEndian.Uint16(raw[2*i:])
			}
			return appendCounts(ctx, s, short)
		}
		long = slices.Grow(long[:0], len(raw)/4)[:len(raw)/4]
		for i := range long {
			long[i] = binary.LittleEndian.Uint32(raw[4*i:])
		}
		return appendCounts(ctx, s, long)
	}
	if len(rows) < s.d.Patterns {
		return s.pick(ctx, rows, func(_ int, raw []byte) error { return add(raw) })
	}
	return s.d.patterns.Stream(add)
}

// appendCounts passes counts on, and what the converter would have noted of them.
func appendCounts[T scan.Integer](ctx context.Context, s *sorter, counts []T) error {
	most := T(0)
	for _, k := range counts {
		most = max(most, k)
	}
	s.c.values += len(counts)
	s.c.most = max(s.c.most, float64(most))
	return scan.AppendIntegers(ctx, s.to, counts)
}
