package scan

import "iter"

// Pattern returns pattern i, [N, N] counts: a view if the patterns are in memory, otherwise a copy.
func (s *Scan) Pattern(i int) []float32 {
	size := s.N * s.N
	if s.Stored == nil {
		return s.Counts[i*size : (i+1)*size : (i+1)*size]
	}
	out := make([]float32, size)
	s.Stored.Read(out, i)
	return out
}

// Fill copies pattern i to dst [N·N].
func (s *Scan) Fill(dst []float32, i int) {
	if s.Stored != nil {
		s.Stored.Read(dst, i)
		return
	}
	copy(dst, s.Counts[i*s.N*s.N:])
}

// readAhead is the number of counts that All reads at once from a file.
const readAhead = 1 << 18

// All iterates over the patterns in order. A pattern is valid until the next one.
func (s *Scan) All() iter.Seq2[int, []float32] {
	return func(yield func(int, []float32) bool) {
		size := s.N * s.N
		if s.Stored == nil {
			for i := range s.Len() {
				if !yield(i, s.Pattern(i)) {
					return
				}
			}
			return
		}
		ahead := min(max(1, readAhead/size), s.Len())
		counts := make([]float32, ahead*size)
		for from := 0; from < s.Len(); from += ahead {
			n := min(ahead, s.Len()-from)
			s.Stored.Read(counts[:n*size], from)
			for i := range n {
				if !yield(from+i, counts[i*size:(i+1)*size:(i+1)*size]) {
					return
				}
			}
		}
	}
}

// Totals returns the sum of the counts of each pattern. Callers must not change it.
func (s *Scan) Totals() []float64 {
	if s.Stored != nil && s.Stored.Totals() != nil {
		return s.Stored.Totals()
	}
	totals := make([]float64, s.Len())
	for j, pattern := range s.All() {
		for _, k := range pattern {
			totals[j] += float64(k)
		}
	}
	return totals
}

// Bytes returns the size of the counts in memory or in their file.
func (s *Scan) Bytes() int64 {
	if s.Stored != nil {
		return s.Stored.bytes()
	}
	return int64(len(s.Counts)) * bytesPerCount
}

// CopiedBytes returns Bytes, or 0 if the patterns are used where the scan's file has them.
func (s *Scan) CopiedBytes() int64 {
	if s.Stored != nil && s.Stored.InPlace() != "" {
		return 0
	}
	return s.Bytes()
}

// bytesPerCount is the size of a float32.
const bytesPerCount = 4

// Err returns the first error of reading stored patterns, whose counts were 0 where they could not be read.
func (s *Scan) Err() error {
	if s.Stored == nil {
		return nil
	}
	return s.Stored.Err()
}
