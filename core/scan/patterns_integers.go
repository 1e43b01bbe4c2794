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

// AppendIntegers adds counts that are integers; they may end within a pattern. It writes the bytes that Append writes of the same numbers.
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
		part := counts[:min(len(counts), w.piece())]
		if err := w.store(ctx, w.count, func() (fits bool) {
			w.grow(len(part))
			return encodeIntegers(w.raw, part, w.dtype)
		}); err != nil {
			return err
		}
		w.measurer.add(w.count, w.wide, len(part), w.dtype)
		counts = counts[len(part):]
		w.count += int64(len(part))
		w.report()
	}
	return nil
}

// encodeIntegers writes counts to raw. ok is false if a count does not fit the type.
func encodeIntegers[T Integer](raw []byte, counts []T, t tensor.DType) (ok bool) {
	all := T(0) // bits of all counts
	switch t {  //nolint:exhaustive // the types of Stored
	case tensor.Uint8:
		raw = raw[:len(counts)]
		for i, k := range counts {
			raw[i] = byte(k)
			all |= k
		}
		return uint32(all) < 1<<8
	case tensor.Uint16:
		for ; len(counts) >= 4 && len(raw) >= 8; counts, raw = counts[4:], raw[8:] { // one store for four counts
			all |= counts[0] | counts[1] | counts[2] | counts[3]
			binary.LittleEndian.PutUint64(raw, uint64(counts[0])|uint64(counts[1])<<16|uint64(counts[2])<<32|uint64(counts[3])<<48)
		}
		for i, k := range counts {
			binary.LittleEndian.PutUint16(raw[2*i:], uint16(k))
			all |= k
		}
		return uint32(all) < 1<<16
	default:
		for i, k := range counts {
			binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(float32(k)))
		}
	}
	return true
}

// ReadIntegers fills dst with the counts of consecutive patterns, the first of which has the given number, as Read does. It returns false,
// and reads nothing, if the patterns are not stored as integers of at most 16 bits.
func (s *StoredPatterns) ReadIntegers(dst []uint16, first int) bool {
	if s.dtype != tensor.Uint8 && s.dtype != tensor.Uint16 {
		return false
	}
	if s.rows == nil {
		s.readIntegers(dst, first, 0)
		return true
	}
	for i := 0; len(dst) > 0; i, dst = i+1, dst[s.pixels:] {
		s.readIntegers(dst[:s.pixels], s.rows[first+i], 0)
	}
	return true
}

// ReadIntegersFrom is ReadIntegers for a part of one pattern, from a pixel on.
func (s *StoredPatterns) ReadIntegersFrom(dst []uint16, pattern, pixel int) bool {
	if s.dtype != tensor.Uint8 && s.dtype != tensor.Uint16 {
		return false
	}
	if s.rows != nil {
		pattern = s.rows[pattern]
	}
	s.readIntegers(dst, pattern, pixel)
	return true
}

// readIntegers is ReadIntegers for counts that follow each other in the file, from a pixel of a pattern on.
func (s *StoredPatterns) readIntegers(dst []uint16, first, pixel int) {
	raw := tensor.Must(dst, len(dst)).Bytes()[:len(dst)*s.dtype.Size()]
	if _, err := s.file.ReadAt(raw, (int64(first)*int64(s.pixels)+int64(pixel))*int64(s.dtype.Size())); err != nil {
		clear(dst)
		err = storageError(fmt.Errorf("pattern %d: %w", first, err))
		s.err.CompareAndSwap(nil, &err)
		return
	}
	toIntegers(dst, s.dtype)
}

// toIntegers makes integers of the bytes of a file, of type Uint8 or Uint16, at the beginning of the memory of dst.
func toIntegers(dst []uint16, t tensor.DType) {
	if t == tensor.Uint8 {
		widenBytes(dst, tensor.Must(dst, len(dst)).Bytes())
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
