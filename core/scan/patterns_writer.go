package scan

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/ptychogo/ptycho/core/tensor"
)

// PatternWriter collects patterns, in a file or in memory. In a file it begins with the smallest type and rewrites the file when a count does
// not fit it, at most twice. A bright pixel is usually in one of the first patterns, when there is little to rewrite.
type PatternWriter struct {
	file   PatternFile // nil: in memory
	pixels int
	room   int64     // numbers of all patterns
	count  int64     // numbers so far
	memory []float32 // without a file

	dtype tensor.DType // of the file
	wide  []uint16     // memory of raw
	raw   []byte

	copied func() (PatternFile, error) // creates the file for patterns that cannot stay in the scan's file; nil where they do not

	measurer *measurer // nil: in memory
}

// NewPatternWriter returns a Writer of a number of patterns. A count needs at most the given number of bytes, 1, 2 or 4. create, which
// receives the size of all patterns, creates the file; nil keeps the patterns in memory.
func NewPatternWriter(create func(bytes int64) (PatternFile, error), length, pixels, most int) (*PatternWriter, error) {
	w := &PatternWriter{pixels: pixels, room: int64(length) * int64(pixels), dtype: tensor.Uint8}
	if create == nil {
		return w, nil
	}
	var err error
	if w.file, err = create(w.room * int64(most)); err != nil {
		return nil, &SpoolError{err}
	}
	w.measurer = newMeasurer(length, pixels)
	return w, nil
}

// InFile reports whether the patterns go to a file.
func (w *PatternWriter) InFile() bool { return w.file != nil }

// Append adds whole patterns.
func (w *PatternWriter) Append(ctx context.Context, counts []float32) error {
	if w.file == nil {
		if w.memory == nil {
			w.memory = make([]float32, 0, w.room)
		}
		w.memory = append(w.memory, counts...)
		return nil
	}
	return w.put(ctx, counts, w.count)
}

// Take is Append for all patterns at once. The Writer may keep the slice.
func (w *PatternWriter) Take(ctx context.Context, counts []float32) error {
	if w.file == nil {
		w.memory = counts
		return nil
	}
	return w.put(ctx, counts, 0)
}

// Update passes the stored counts to change, some patterns at a time in order, and stores them again.
func (w *PatternWriter) Update(ctx context.Context, change func(counts []float32)) error {
	if w.file == nil {
		change(w.memory)
		return nil
	}
	w.measurer.restart()
	counts := make([]float32, max(1, pieceCounts/w.pixels)*w.pixels)
	for from := int64(0); from < w.count; from += int64(len(counts)) {
		part := counts[:min(int64(len(counts)), w.count-from)]
		if err := readCounts(w.file, part, from, w.dtype); err != nil {
			return storageError(err)
		}
		change(part)
		if err := w.put(ctx, part, from); err != nil {
			return err
		}
	}
	return nil
}

// Patterns returns the patterns, those in memory or those in the file, which it seals: nothing can be written after it.
func (w *PatternWriter) Patterns() ([]float32, *StoredPatterns) {
	if w.file == nil {
		return w.memory, nil
	}
	w.file.Seal()
	s := &StoredPatterns{file: w.file, pixels: w.pixels, length: int(w.count / int64(w.pixels)), dtype: w.dtype, measured: w.measurer.measured(w.count), err: new(atomic.Pointer[error])}
	if s.measured != nil {
		s.totals = s.measured.Sum
	}
	return nil, s
}

// put writes counts from number `from` on.
func (w *PatternWriter) put(ctx context.Context, counts []float32, from int64) error {
	for len(counts) > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		part := counts[:min(len(counts), w.piece())]
		if err := w.store(ctx, from, func() (fits bool) { return w.encode(part) }); err != nil {
			return err
		}
		w.measurer.add(from, w.wide, len(part), w.dtype)
		counts, from = counts[len(part):], from+int64(len(part))
		w.count = max(w.count, from)
		w.report()
	}
	return nil
}

// store writes raw, which encode fills in the type of the file, to number `from` on. encode returns false for counts that do not fit the type.
func (w *PatternWriter) store(ctx context.Context, from int64, encode func() (fits bool)) error {
	for {
		if !encode() {
			if err := w.widen(ctx); err != nil {
				return err
			}
			continue
		}
		_, err := w.file.WriteAt(w.raw, from*int64(w.dtype.Size()))
		if errors.Is(err, errDiffers) {
			if err := w.leave(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return storageError(err)
		}
		return nil
	}
}

func (w *PatternWriter) encode(counts []float32) bool {
	w.grow(len(counts))
	return encode(w.raw, counts, w.dtype)
}

// grow makes raw as long as so many counts of the file.
func (w *PatternWriter) grow(counts int) {
	size := counts * w.dtype.Size()
	if need := max(counts, (size+1)/2); len(w.wide) < need {
		w.wide = make([]uint16, need)
	}
	w.raw = tensor.Must(w.wide, len(w.wide)).Bytes()[:size]
}

// writtenAtOnce is about the number of counts that are written at once. They stay in the processor's cache until they are measured.
const writtenAtOnce = 1 << 16

// piece returns the number of counts that are written at once: those of whole patterns, unless patterns are large.
func (w *PatternWriter) piece() int {
	if w.pixels > writtenAtOnce {
		return writtenAtOnce
	}
	return writtenAtOnce / w.pixels * w.pixels
}

// report informs a Watcher how many patterns have been written.
func (w *PatternWriter) report() {
	if to, ok := w.file.(Watcher); ok {
		to.Written(int(w.count/int64(w.pixels)), int(w.room/int64(w.pixels)))
	}
}

// widen stores all numbers in the next type, from the last to the first: the place of a number in the wider type is at or behind its
// place in the narrower one, so that nothing is overwritten before it is read.
func (w *PatternWriter) widen(ctx context.Context) error {
	if w.copied != nil {
		return w.leave(ctx)
	}
	from, to := w.dtype, wider(w.dtype)
	w.dtype = to
	counts := make([]float32, min(w.count, pieceCounts))
	for end := w.count; end > 0; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		part := counts[:min(int64(len(counts)), end)]
		end -= int64(len(part))
		if err := readCounts(w.file, part, end, from); err != nil {
			return storageError(err)
		}
		w.encode(part)
		if _, err := w.file.WriteAt(w.raw, end*int64(to.Size())); err != nil {
			return storageError(err)
		}
	}
	return nil
}
