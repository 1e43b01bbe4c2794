package scan

import (
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/tensor"
)

// block is a file in memory.
type block struct {
	bytes []byte
	full  int64 // size that the file cannot exceed; 0: no limit
}

func (b *block) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > int64(len(b.bytes)) {
		return 0, io.ErrUnexpectedEOF
	}
	return copy(p, b.bytes[at:]), nil
}

func (b *block) Path() string { return "block" }
func (b *block) Seal()        {}

func newWriter(t *testing.T, file PatternFile, pixels int) *PatternWriter {
	t.Helper()
	return newWriterOf(t, file, 1, pixels)
}

func newWriterOf(t *testing.T, file PatternFile, patterns, pixels int) *PatternWriter {
	t.Helper()
	w, err := NewPatternWriter(func(int64) (PatternFile, error) { return file, nil }, patterns, pixels, 4)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

var errFull = errors.New("no space left on device")

func (b *block) WriteAt(p []byte, at int64) (int, error) {
	end := at + int64(len(p))
	if b.full > 0 && end > b.full {
		return 0, errFull
	}
	if end > int64(len(b.bytes)) {
		b.bytes = append(b.bytes, make([]byte, end-int64(len(b.bytes)))...)
	}
	return copy(b.bytes[at:], p), nil
}

func float32Bits(counts []float32) []uint32 {
	out := make([]uint32, len(counts))
	for i, k := range counts {
		out[i] = math.Float32bits(k)
	}
	return out
}

// TestWriter_KeepsBits stores small numbers with one other at each place, in pieces of several sizes, and reads every bit again.
func TestWriter_KeepsBits(t *testing.T) {
	const pixels = 32 * 32
	length := 2*pieceCounts/pixels + 3
	for _, c := range []struct {
		name  string
		value float32
		want  tensor.DType
	}{
		{"byte", 255, tensor.Uint8}, {"above a byte", 256, tensor.Uint16}, {"16 bits", 65535, tensor.Uint16}, {"above 16 bits", 65536, tensor.Float32},
		{"part", 0.5, tensor.Float32}, {"below 0", -1, tensor.Float32}, {"minus 0", float32(math.Copysign(0, -1)), tensor.Float32},
		{"not a number", float32(math.NaN()), tensor.Float32}, {"infinite", float32(math.Inf(1)), tensor.Float32},
		{"largest", math.MaxFloat32, tensor.Float32}, {"2^32", 1 << 32, tensor.Float32}, {"2^32 and a byte", 1<<32 + 512, tensor.Float32},
	} {
		for _, at := range []int{0, pixels - 1, length * pixels / 2, length*pixels - 1} {
			counts := make([]float32, length*pixels)
			r := rand.New(rand.NewPCG(1, 2))
			for i := range counts {
				counts[i] = float32(r.IntN(200))
			}
			counts[at] = c.value
			file := &block{}
			w := newWriter(t, file, pixels)
			for from := 0; from < length; {
				n := min(1+r.IntN(length), length-from)
				if err := w.Append(t.Context(), counts[from*pixels:(from+n)*pixels]); err != nil {
					t.Fatal(err)
				}
				from += n
			}
			_, s := w.Patterns()
			got := make([]float32, len(counts))
			s.Read(got, 0)
			if s.DType() != c.want || s.Len() != length || s.bytes() != int64(len(file.bytes)) || s.Err() != nil {
				t.Errorf("%s at %d: %v, %d patterns, %d bytes in a file of %d, %v, want %v", c.name, at, s.DType(), s.Len(), s.bytes(), len(file.bytes), s.Err(), c.want)
			}
			if !slices.Equal(float32Bits(got), float32Bits(counts)) {
				t.Errorf("%s at %d: other counts are read", c.name, at)
			}
			one := make([]float32, pixels)
			if s.Read(one, length-1); !slices.Equal(float32Bits(one), float32Bits(counts[(length-1)*pixels:])) {
				t.Errorf("%s at %d: the last pattern differs", c.name, at)
			}
		}
	}
}

func TestWriter_Update(t *testing.T) {
	const pixels = 256
	length := pieceCounts/pixels + 5
	counts := make([]float32, length*pixels)
	for i := range counts {
		counts[i] = float32(i % 251)
	}
	w := newWriter(t, &block{}, pixels)
	if err := w.Append(t.Context(), counts); err != nil {
		t.Fatal(err)
	}
	for _, factor := range []float32{0, 2, 300, 0.3} {
		if err := w.Update(t.Context(), func(part []float32) {
			for i := range part {
				part[i] = part[i]*factor + float32(i%pixels)
			}
		}); err != nil {
			t.Fatal(err)
		}
		for i := range counts {
			counts[i] = counts[i]*factor + float32(i%pixels)
		}
		got := make([]float32, len(counts))
		if _, stored := w.Patterns(); stored != nil {
			stored.Read(got, 0)
		}
		if !slices.Equal(got, counts) {
			t.Errorf("factor %v: other counts are read", factor)
		}
	}
}

func TestWriter_ReportsFullFile(t *testing.T) {
	w := newWriter(t, &block{full: 1000}, 256)
	counts := make([]float32, 512)
	if err := w.Append(t.Context(), counts); err != nil {
		t.Fatal(err)
	}
	counts[0] = 1e6 // needs four times the size
	if err := w.Append(t.Context(), counts); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}

func TestWriter_StopsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errFull)
	if err := newWriter(t, &block{}, 16).Append(ctx, make([]float32, 16)); !errors.Is(err, errFull) {
		t.Errorf("error %v, want the cause", err)
	}
}

// TestStored_KeepsError checks that counts of a file that was cut are 0 and that the error names the pattern.
func TestStored_KeepsError(t *testing.T) {
	file := &block{}
	w := newWriter(t, file, 16)
	if err := w.Append(t.Context(), make([]float32, 64)); err != nil {
		t.Fatal(err)
	}
	_, s := w.Patterns()
	file.bytes = file.bytes[:40]
	got := []float32{15: 7}
	if s.Read(got, 1); s.Err() != nil || got[15] != 0 {
		t.Errorf("a complete pattern: %v, %v", got, s.Err())
	}
	got[15] = 7
	if s.Read(got, 2); s.Err() == nil || got[15] != 0 || !errors.Is(s.Err(), io.ErrUnexpectedEOF) {
		t.Errorf("a pattern that is cut: %v, %v", got, s.Err())
	}
}

// TestAppendIntegers_SameFileAsAppend appends integers with one larger at each place, in pieces of any length, and compares file and totals.
func TestAppendIntegers_SameFileAsAppend(t *testing.T) {
	const pixels = 32 * 32
	length := 2*pieceCounts/pixels + 3
	r := rand.New(rand.NewPCG(1, 2))
	for _, largest := range []uint32{200, 255, 256, 65535, 65536, 1<<24 + 1, math.MaxUint32} {
		for _, at := range []int{0, length * pixels / 2, length*pixels - 1} {
			counts, floats := make([]uint32, length*pixels), make([]float32, length*pixels)
			for i := range counts {
				counts[i] = uint32(r.IntN(200))
			}
			counts[at] = largest
			for i, k := range counts {
				floats[i] = float32(k)
			}
			a, b := &block{}, &block{}
			one, other := newWriterOf(t, a, length, pixels), newWriterOf(t, b, length, pixels)
			if err := one.Append(t.Context(), floats); err != nil {
				t.Fatal(err)
			}
			for from := 0; from < len(counts); {
				n := min(1+r.IntN(len(counts)), len(counts)-from)
				if err := AppendIntegers(t.Context(), other, counts[from:from+n]); err != nil {
					t.Fatal(err)
				}
				from += n
			}
			_, s := other.Patterns()
			if !slices.Equal(a.bytes, b.bytes) {
				t.Errorf("%d at %d: another file, of %d and %d bytes", largest, at, len(a.bytes), len(b.bytes))
			}
			if known := s.DType() != tensor.Float32; known != (s.Totals() != nil) {
				t.Errorf("%d at %d: %v with %d totals", largest, at, s.DType(), len(s.Totals()))
			}
			for j, total := range s.Totals() {
				want := 0.0
				for _, k := range floats[j*pixels : (j+1)*pixels] {
					want += float64(k)
				}
				if total != want {
					t.Errorf("%d at %d: pattern %d has %v counts, want %v", largest, at, j, total, want)
				}
			}
		}
	}
}

// TestStored_PartReadsItsPatterns takes a part of a part, in another order, and cuts the file.
func TestStored_PartReadsItsPatterns(t *testing.T) {
	file := &block{}
	w := newWriterOf(t, file, 4, 2)
	if err := AppendIntegers(t.Context(), w, []uint16{0, 1, 10, 11, 20, 21, 30, 31}); err != nil {
		t.Fatal(err)
	}
	_, s := w.Patterns()
	part := s.Part([]int{3, 1, 2}).Part([]int{0, 2})
	got := make([]float32, 4)
	part.Read(got, 0)
	if part.Len() != 2 || part.Whole() || !s.Whole() || !slices.Equal(got, []float32{30, 31, 20, 21}) || !slices.Equal(part.Totals(), []float64{61, 41}) {
		t.Errorf("%d patterns %v with totals %v", part.Len(), got, part.Totals())
	}
	if part.Read(got[:2], 1); got[0] != 20 {
		t.Errorf("pattern 1 is %v", got[:2])
	}
	file.bytes = file.bytes[:5]
	if part.Read(got, 0); part.Err() == nil || s.Err() == nil {
		t.Error("the error of a cut file is lost")
	}
}

// TestStored_ReadIntegersAsRead: integers of 8 and 16 bits are those that Read gives; counts of a larger type are not read.
func TestStored_ReadIntegersAsRead(t *testing.T) {
	for pixels := 1; pixels < 12; pixels++ {
		for most, dtype := range map[uint32]tensor.DType{200: tensor.Uint8, 60000: tensor.Uint16, 70000: tensor.Float32} {
			file := &block{}
			w := newWriter(t, file, pixels)
			counts := make([]uint32, 5*pixels)
			for i := range counts {
				counts[i] = most - uint32(i)
			}
			if err := AppendIntegers(t.Context(), w, counts); err != nil {
				t.Fatal(err)
			}
			_, s := w.Patterns()
			s = s.Part([]int{3, 1, 2, 4})
			got, want := make([]uint16, 3*pixels), make([]float32, 3*pixels)
			if s.DType() != dtype || s.ReadIntegers(got, 1) != (dtype != tensor.Float32) {
				t.Fatalf("counts up to %d are stored as %v", most, s.DType())
			}
			s.Read(want, 1)
			for i, k := range got {
				if dtype != tensor.Float32 && float32(k) != want[i] {
					t.Fatalf("%d pixels up to %d: integers %v, counts %v", pixels, most, got, want)
				}
			}
			if file.bytes = file.bytes[:1]; dtype != tensor.Float32 && pixels > 1 {
				if s.ReadIntegers(got, 1); s.Err() == nil || slices.Max(got) > 0 {
					t.Errorf("a cut file gives %v without an error", got)
				}
			}
		}
	}
}
