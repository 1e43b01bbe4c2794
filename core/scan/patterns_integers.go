package scan

import (
	"context"
	"encoding/binary"
	"math"

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
		for w.dtype == tensor.Uint8 && most > 1<<8-1 || w.dtype == tensor.Uint16 && most > 1<<16-1 {
			if err := w.widen(ctx); err != nil {
				return err
			}
		}
		w.grow(len(part))
		encodeIntegers(w.raw, part, w.dtype)
		if _, err := w.file.WriteAt(w.raw, w.count*int64(w.dtype.Size())); err != nil {
			return &SpoolError{err}
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
