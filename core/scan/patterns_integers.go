package scan

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"github.com/ptychogo/ptycho/core/tensor"
)

// Integer lists the types of AppendIntegers.
type Integer interface{ uint8 | uint16 | uint32 }

// AppendIntegers adds counts that are integers; they may end within a pattern. It writes the bytes that Append writes of the same numbers,
// and adds up the patterns.
func AppendIntegers[T Integer](ctx context.Context, w *PatternWriter, counts []T) error {
	if w.file == nil {
		if w.memory == nil {
			w.memory = make([]float32, 0, w.room)
		}
		for _, k := range counts {
			w.memory = append(w.memory, float32(k))
		}
		return nil
	}
	for len(counts) > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		part := counts[:min(len(counts), pieceCounts)]
		most := addUp(w, part)
		if err := w.store(ctx, w.count, func() (fits bool) {
			if w.dtype == tensor.Uint8 && most > 1<<8-1 || w.dtype == tensor.Uint16 && most > 1<<16-1 {
				return false
			}
			w.grow(len(part))
			encodeIntegers(w.raw, part, w.dtype)
			return true
		}); err != nil {
			return err
		}
		counts = counts[len(part):]
		w.count += int64(len(part))
		w.report()
	}
	return nil
}

// addUp adds the counts that follow those in the file to the totals of their patterns, and returns the largest.
func addUp[T Integer](w *PatternWriter, counts []T) uint32 {
	most, complete := T(0), w.summed == w.count // false where other counts were not added up
	for at := w.count; len(counts) > 0; {
		inside := at % int64(w.pixels)
		n := min(int64(len(counts)), int64(w.pixels)-inside)
		sum := uint64(0)
		for _, k := range counts[:n] {
			sum += uint64(k)
			most = max(most, k)
		}
		if complete && inside == 0 {
			w.totals = append(w.totals, 0)
		}
		if complete {
			w.totals[len(w.totals)-1] += float64(sum)
			w.summed += n
		}
		counts, at = counts[n:], at+n
	}
	return uint32(most)
}

// encodeIntegers writes counts that fit the type to raw.
func encodeIntegers[T Integer](raw []byte, counts []T, t tensor.DType) {
	switch t { //nolint:exhaustive // the types of Stored
	case tensor.Uint8:
		raw = raw[:len(counts)]
		for i, k := range counts {
			raw[i] = byte(k)
		}
	case tensor.Uint16:
		for ; len(counts) >= 4 && len(raw) >= 8; counts, raw = counts[4:], raw[8:] { // one store for four counts
			binary.LittleEndian.PutUint64(raw, uint64(counts[0])|uint64(counts[1])<<16|uint64(counts[2])<<32|uint64(counts[3])<<48)
		}
		for i, k := range counts {
			binary.LittleEndian.PutUint16(raw[2*i:], uint16(k))
		}
	default:
		for i, k := range counts {
			binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(float32(k)))
		}
	}
}

// ReadIntegers fills dst with the counts of consecutive patterns, the first of which has the given number, as Read does. It returns false,
// and reads nothing, if the patterns are not stored as integers of at most 16 bits.
func (s *StoredPatterns) ReadIntegers(dst []uint16, first int) bool {
	if s.dtype != tensor.Uint8 && s.dtype != tensor.Uint16 {
		return false
	}
	if s.rows == nil {
		s.readIntegers(dst, first)
		return true
	}
	for i := 0; len(dst) > 0; i, dst = i+1, dst[s.pixels:] {
		s.readIntegers(dst[:s.pixels], s.rows[first+i])
	}
	return true
}

// readIntegers is ReadIntegers for patterns that follow each other in the file.
func (s *StoredPatterns) readIntegers(dst []uint16, first int) {
	memory := tensor.Must(dst, len(dst)).Bytes()
	raw := memory[:len(dst)*s.dtype.Size()]
	if _, err := s.file.ReadAt(raw, int64(first)*int64(s.pixels)*int64(s.dtype.Size())); err != nil {
		clear(dst)
		err = &SpoolError{fmt.Errorf("pattern %d: %w", first, err)}
		s.err.CompareAndSwap(nil, &err)
		return
	}
	if s.dtype == tensor.Uint8 {
		widenBytes(dst, memory)
	} else if bigEndian {
		for i := range dst {
			dst[i] = bits.ReverseBytes16(dst[i])
		}
	}
}

// bigEndian reports whether this machine stores the upper byte of a number first.
var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// widenBytes converts bytes at the beginning of the memory of dst. It goes from the end, where the numbers do not cover bytes that are
// still to be read.
func widenBytes(dst []uint16, memory []byte) {
	i := len(dst)
	for ; i%4 != 0 || bigEndian && i > 0; i-- {
		dst[i-1] = uint16(memory[i-1])
	}
	for ; i >= 4; i -= 4 { // one load and one store for four counts
		four := uint64(binary.LittleEndian.Uint32(memory[i-4:]))
		four = (four | four<<16) & 0x0000ffff0000ffff
		binary.LittleEndian.PutUint64(memory[2*(i-4):], (four|four<<8)&0x00ff00ff00ff00ff)
	}
}
