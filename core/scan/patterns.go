package scan

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sync"
	"sync/atomic"

	"github.com/ptychogo/ptycho/core/sweep"
	"github.com/ptychogo/ptycho/core/tensor"
)

// PatternFile is where patterns are stored.
type PatternFile interface {
	io.ReaderAt
	io.WriterAt
	Path() string // at which other processes open the file
	Seal()        // makes the content final
}

// Watcher is implemented by a PatternFile that receives how many patterns have been written, of how many.
type Watcher interface{ Written(patterns, of int) }

// SpoolError is an error of the file where patterns are stored, which is not that of the scan.
type SpoolError struct{ Err error }

func (e *SpoolError) Error() string { return "spool of the patterns: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *SpoolError) Unwrap() error { return e.Err }

// StoredPatterns are patterns [Len, …] in a file, row-major and little-endian without gaps, from byte Offset of the file on. Its methods may
// be called concurrently.
type StoredPatterns struct {
	file   PatternFile
	pixels int // of a pattern
	length int
	dtype  tensor.DType
	totals []float64 // [length]; nil: unknown
	rows   []int     // [length] of the file; nil: all, in order
	err    *atomic.Pointer[error]

	measured *sweep.Pass[uint16] // of all patterns; nil: unknown
}

// Len returns the number of patterns.
func (s *StoredPatterns) Len() int { return s.length }

// Pixels returns the number of counts of a pattern.
func (s *StoredPatterns) Pixels() int { return s.pixels }

// DType returns the type of the stored counts: Uint8, Uint16 or Float32.
func (s *StoredPatterns) DType() tensor.DType { return s.dtype }

// bytes returns the size of the stored counts.
func (s *StoredPatterns) bytes() int64 {
	return int64(s.length) * int64(s.pixels) * int64(s.dtype.Size())
}

// Totals returns the sum of the counts of each pattern, or nil if they are not known. Callers must not change it.
func (s *StoredPatterns) Totals() []float64 { return s.totals }

// Measured returns what was measured of the patterns when they were written, nil if they are not all those of the file, or not integers of at
// most 16 bits. Callers must not change it.
func (s *StoredPatterns) Measured() *sweep.Pass[uint16] { return s.measured }

// Part returns the patterns with the given numbers, in their order, without a copy. The errors of both are the same.
func (s *StoredPatterns) Part(rows []int) *StoredPatterns {
	out := &StoredPatterns{file: s.file, pixels: s.pixels, length: len(rows), dtype: s.dtype, rows: make([]int, len(rows)), err: s.err}
	for i, r := range rows {
		if out.rows[i] = r; s.rows != nil {
			out.rows[i] = s.rows[r]
		}
		if s.totals != nil {
			out.totals = append(out.totals, s.totals[r])
		}
	}
	return out
}

// Whole reports whether these are all patterns of the file, in its order.
func (s *StoredPatterns) Whole() bool { return s.rows == nil }

// Path returns the path at which other processes open the file.
func (s *StoredPatterns) Path() string { return s.file.Path() }

// Err returns the first error of Read.
func (s *StoredPatterns) Err() error {
	if err := s.err.Load(); err != nil {
		return *err
	}
	return nil
}

// Read fills dst with the counts of consecutive patterns, the first of which has the given number. An error of the file makes the
// counts zero and is kept for Err, so that a loop over all patterns needs one check, at its end.
func (s *StoredPatterns) Read(dst []float32, first int) {
	if s.rows == nil {
		s.read(dst, first)
		return
	}
	for i := 0; len(dst) > 0; i, dst = i+1, dst[s.pixels:] {
		s.read(dst[:s.pixels], s.rows[first+i])
	}
}

// read is Read for patterns that follow each other in the file.
func (s *StoredPatterns) read(dst []float32, first int) {
	if err := readCounts(s.file, dst, int64(first)*int64(s.pixels), s.dtype); err != nil {
		clear(dst)
		err = storageError(fmt.Errorf("pattern %d: %w", first, err))
		s.err.CompareAndSwap(nil, &err)
	}
}

// pieceCounts is the number of counts that are read or written at once.
const pieceCounts = 1 << 18

var buffers = sync.Pool{New: func() any { b := make([]byte, 0); return &b }}

// readCounts fills dst with the counts of a file from number `from` on.
func readCounts(file io.ReaderAt, dst []float32, from int64, t tensor.DType) error {
	buffer := buffers.Get().(*[]byte) //nolint:forcetypeassert // the pool has no other type
	defer buffers.Put(buffer)
	size := t.Size()
	for len(dst) > 0 {
		n := min(len(dst), pieceCounts)
		if cap(*buffer) < n*size {
			*buffer = make([]byte, n*size)
		}
		raw := (*buffer)[:n*size]
		if _, err := file.ReadAt(raw, from*int64(size)); err != nil {
			return err
		}
		decode(dst[:n], raw, t)
		dst, from = dst[n:], from+int64(n)
	}
	return nil
}

func decode(dst []float32, raw []byte, t tensor.DType) {
	switch t { //nolint:exhaustive // the types of Stored
	case tensor.Uint8:
		for i, v := range raw[:len(dst)] {
			dst[i] = float32(v)
		}
	case tensor.Uint16:
		for ; len(dst) >= 4 && len(raw) >= 8; dst, raw = dst[4:], raw[8:] { // one load for four counts
			four := binary.LittleEndian.Uint64(raw)
			dst[0], dst[1], dst[2], dst[3] = float32(uint16(four)), float32(uint16(four>>16)), float32(uint16(four>>32)), float32(uint16(four>>48))
		}
		for i := range dst {
			dst[i] = float32(binary.LittleEndian.Uint16(raw[2*i:]))
		}
	default:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	}
}

// encode writes counts to raw. ok is false if a count would change.
func encode(raw []byte, counts []float32, t tensor.DType) (ok bool) {
	switch t { //nolint:exhaustive // the types of Stored
	case tensor.Uint8:
		for i, k := range counts {
			v := uint8(int32(k))
			if math.Float32bits(float32(v)) != math.Float32bits(k) {
				return false
			}
			raw[i] = v
		}
	case tensor.Uint16:
		for i, k := range counts {
			v := uint16(int32(k))
			if math.Float32bits(float32(v)) != math.Float32bits(k) {
				return false
			}
			binary.LittleEndian.PutUint16(raw[2*i:], v)
		}
	default:
		for i, k := range counts {
			binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(k))
		}
	}
	return true
}

// wider returns the next type.
func wider(t tensor.DType) tensor.DType {
	if t == tensor.Uint8 {
		return tensor.Uint16
	}
	return tensor.Float32
}
