package scan

import (
	"context"
	"fmt"
)

// Rebuild returns the scan of the given patterns, ascending indices in this scan, with their counts changed by change, which receives the
// index of a pattern. Patterns in memory are changed in place, so that this scan cannot be used afterwards; stored patterns are written
// to a file from create, in the same type. A changed count must fit the type.
func (s *Scan) Rebuild(ctx context.Context, rows []int, change func(i int, counts []float32), create func(bytes int64) (PatternFile, error)) (*Scan, error) {
	for k, r := range rows {
		if r < 0 || r >= s.Len() || k > 0 && r <= rows[k-1] {
			return nil, fmt.Errorf("scan: rebuild: pattern %d of %d is out of order or missing", r, s.Len())
		}
	}
	out, size := *s, s.N*s.N
	out.Rows, out.Cols, out.Split, out.Index = pick(s.Rows, rows), pick(s.Cols, rows), pick(s.Split, rows), pick(s.Index, rows)
	if s.Stored == nil {
		for k, r := range rows {
			counts := s.Counts[k*size : (k+1)*size]
			copy(counts, s.Counts[r*size:(r+1)*size])
			change(r, counts)
		}
		out.Counts = s.Counts[: len(rows)*size : len(rows)*size]
		return &out, ctx.Err()
	}
	w, err := NewPatternWriter(create, len(rows), size, s.Stored.DType().Size())
	if err != nil {
		return nil, err
	}
	counts := make([]float32, size)
	for _, r := range rows {
		s.Fill(counts, r)
		change(r, counts)
		if err := w.Append(ctx, counts); err != nil {
			return nil, err
		}
	}
	out.Counts, out.Stored = w.Patterns()
	return &out, s.Err()
}
