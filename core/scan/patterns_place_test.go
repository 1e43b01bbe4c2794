package scan

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/tensor"
)

// sourceBlock is the file of a scan in memory.
type sourceBlock struct {
	bytes    []byte
	modified bool
	reads    int
}

func (b *sourceBlock) ReadAt(p []byte, at int64) (int, error) {
	b.reads++
	if at >= int64(len(b.bytes)) {
		return 0, io.EOF
	}
	n := copy(p, b.bytes[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (b *sourceBlock) Name() string   { return "scan.h5" }
func (b *sourceBlock) Path() string   { return "/data/scan.h5" }
func (b *sourceBlock) Modified() bool { return b.modified }

// The scan of the tests: more than one piece, of counts that fit a byte, behind some bytes of a file.
const (
	placedPixels = 256
	placedLength = pieceCounts/placedPixels + 7
	placedOffset = 13
)

func placedCounts() []float32 {
	counts := make([]float32, placedLength*placedPixels)
	for i := range counts {
		counts[i] = float32(i % 253)
	}
	return counts
}

// placed returns a writer of patterns that a file has in a type, and the file and the copy, if one is made.
func placed(t *testing.T, dtype tensor.DType, counts []float32) (w *PatternWriter, source *sourceBlock, copied *block) {
	t.Helper()
	raw := make([]byte, placedOffset+len(counts)*dtype.Size())
	if !encode(raw[placedOffset:], counts, dtype) {
		t.Fatalf("the counts do not fit %v", dtype)
	}
	source, copied = &sourceBlock{bytes: raw}, &block{}
	storage := Storage{
		Create: func(int64) (PatternFile, error) { return copied, nil },
		Keep:   func(string, int64) SourceFile { return source },
	}
	w, err := storage.Writer(&Place{File: "scan.h5", Offset: placedOffset, DType: dtype}, placedLength, placedPixels, 4)
	if err != nil {
		t.Fatal(err)
	}
	return w, source, copied
}

// appendPlaced appends counts in two pieces, of which the first ends within a piece of the writer.
func appendPlaced(t *testing.T, w *PatternWriter, counts []float32) {
	t.Helper()
	const first = 3 * placedPixels
	for _, part := range [][]float32{counts[:first], counts[first:]} {
		if err := w.Append(t.Context(), part); err != nil {
			t.Fatal(err)
		}
	}
}

func readPlaced(s *StoredPatterns) []float32 {
	got := make([]float32, s.Len()*s.Pixels())
	s.Read(got, 0)
	return got
}

func TestStorage_LeavesEqualPatternsInTheFile(t *testing.T) {
	counts := placedCounts()
	short := make([]uint16, len(counts))
	for i, k := range counts {
		short[i] = uint16(k)
	}
	for _, dtype := range []tensor.DType{tensor.Uint8, tensor.Uint16, tensor.Float32} {
		for how, add := range map[string]func(w *PatternWriter){
			"floats":   func(w *PatternWriter) { appendPlaced(t, w, counts) },
			"integers": func(w *PatternWriter) { _ = AppendIntegers(t.Context(), w, short) },
		} {
			w, _, copied := placed(t, dtype, counts)
			add(w)
			if note := w.Note(); !strings.Contains(note, "without a copy") {
				t.Errorf("%v, %s: note %q", dtype, how, note)
			}
			_, s := w.Patterns()
			if s.InPlace() != "scan.h5" || s.Offset() != placedOffset || s.DType() != dtype || s.Path() != "/data/scan.h5" || s.Len() != placedLength || len(copied.bytes) != 0 {
				t.Errorf("%v, %s: in place %q, byte %d, %v, %d patterns, %d bytes are copied", dtype, how, s.InPlace(), s.Offset(), s.DType(), s.Len(), len(copied.bytes))
			}
			if !slices.Equal(readPlaced(s), counts) || s.Err() != nil {
				t.Errorf("%v, %s: other counts, %v", dtype, how, s.Err())
			}
			part := make([]float32, placedPixels)
			if s.Part([]int{5, 2}).Read(part, 0); !slices.Equal(part, counts[5*placedPixels:6*placedPixels]) {
				t.Errorf("%v, %s: pattern 5 of a part differs", dtype, how)
			}
		}
	}
}

// TestStorage_CopiesAllIfOneCountDiffers changes one count, at several places, to one that fits the type of the file, and to others.
func TestStorage_CopiesAllIfOneCountDiffers(t *testing.T) {
	for _, dtype := range []tensor.DType{tensor.Uint8, tensor.Uint16, tensor.Float32} {
		for _, at := range []int{0, 3*placedPixels - 1, 3 * placedPixels, pieceCounts + 1, placedLength*placedPixels - 1} {
			for _, value := range []float32{254, 300, 0.5} {
				counts := placedCounts()
				w, source, copied := placed(t, dtype, counts)
				before := bytes.Clone(source.bytes)
				counts[at] = value
				appendPlaced(t, w, counts)
				_, s := w.Patterns()
				if s.InPlace() != "" || w.Note() != "" || s.Offset() != 0 || len(copied.bytes) != len(counts)*s.DType().Size() {
					t.Errorf("%v, %v at %d: in place %q, byte %d, %d bytes are copied", dtype, value, at, s.InPlace(), s.Offset(), len(copied.bytes))
				}
				if want := map[float32]tensor.DType{254: tensor.Uint8, 300: tensor.Uint16, 0.5: tensor.Float32}[value]; s.DType() != want {
					t.Errorf("%v, %v at %d: the copy is %v, want %v", dtype, value, at, s.DType(), want)
				}
				if !slices.Equal(readPlaced(s), counts) || s.Err() != nil {
					t.Errorf("%v, %v at %d: other counts, %v", dtype, value, at, s.Err())
				}
				if !bytes.Equal(source.bytes, before) {
					t.Errorf("%v, %v at %d: the scan's file was changed", dtype, value, at)
				}
			}
		}
	}
}

// TestStorage_SumsOfCopiedPatterns compares the totals with those of patterns that are copied from the beginning.
func TestStorage_SumsOfCopiedPatterns(t *testing.T) {
	counts := placedCounts()
	w, _, _ := placed(t, tensor.Uint16, counts)
	short, want := make([]uint16, len(counts)), make([]float64, placedLength)
	for i, k := range counts {
		short[i] = uint16(k)
	}
	short[len(short)-1] = 1000
	for i, k := range short {
		want[i/placedPixels] += float64(k)
	}
	if err := AppendIntegers(t.Context(), w, short); err != nil {
		t.Fatal(err)
	}
	_, s := w.Patterns()
	if s.InPlace() != "" || !slices.Equal(s.Totals(), want) {
		t.Errorf("in place %q, %d totals, the last is %v, want %v", s.InPlace(), len(s.Totals()), s.Totals()[len(s.Totals())-1], want[placedLength-1])
	}
}

func TestStorage_CopiesChangedPatterns(t *testing.T) {
	counts := placedCounts()
	w, source, _ := placed(t, tensor.Uint8, counts)
	before := bytes.Clone(source.bytes)
	appendPlaced(t, w, counts)
	if err := w.Update(t.Context(), func(part []float32) {
		for i := range part {
			part[i] *= 300
		}
	}); err != nil {
		t.Fatal(err)
	}
	for i := range counts {
		counts[i] *= 300
	}
	if _, s := w.Patterns(); s.InPlace() != "" || !slices.Equal(readPlaced(s), counts) {
		t.Error("the changed patterns are not those that were stored")
	}
	if !bytes.Equal(source.bytes, before) {
		t.Error("the scan's file was changed")
	}
}

// TestScan_VerifyFindsChangedPatterns changes a file after its patterns were compared: its time only, a count, bytes before the patterns, its size.
func TestScan_VerifyFindsChangedPatterns(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b *sourceBlock)
		want   string
	}{
		"nothing":              {func(*sourceBlock) {}, ""},
		"time":                 {func(b *sourceBlock) { b.modified = true }, ""},
		"bytes of other data":  {func(b *sourceBlock) { b.modified = true; b.bytes[0]++ }, ""},
		"count":                {func(b *sourceBlock) { b.modified = true; b.bytes[len(b.bytes)-1]++ }, "scan.h5: the patterns were changed"},
		"size":                 {func(b *sourceBlock) { b.modified = true; b.bytes = b.bytes[:len(b.bytes)-1] }, "scan.h5: the file was shortened"},
		"count, time restored": {func(b *sourceBlock) { b.bytes[placedOffset]++ }, ""}, // only a file that may have been changed is read again
	} {
		w, source, _ := placed(t, tensor.Uint16, placedCounts())
		appendPlaced(t, w, placedCounts())
		s := &Scan{}
		_, s.Stored = w.Patterns()
		source.reads = 0
		c.change(source)
		err := s.Verify(t.Context())
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if !source.modified && source.reads > 0 {
			t.Errorf("%s: the file is read again", name)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	w, source, _ := placed(t, tensor.Uint16, placedCounts())
	appendPlaced(t, w, placedCounts())
	source.modified = true
	s := &Scan{}
	if _, s.Stored = w.Patterns(); s.Verify(ended) == nil {
		t.Error("the end of the context does not stop the comparison")
	}
}

// TestStored_ReadOfShortenedFile reads patterns of a file that has become shorter.
func TestStored_ReadOfShortenedFile(t *testing.T) {
	w, source, _ := placed(t, tensor.Uint16, placedCounts())
	appendPlaced(t, w, placedCounts())
	_, s := w.Patterns()
	source.bytes = source.bytes[:100]
	s.Read(make([]float32, placedPixels), placedLength-1)
	if err := s.Err(); err == nil || !strings.HasPrefix(err.Error(), "scan.h5: the file was shortened while the command used it") {
		t.Errorf("%v", err)
	}
}

// TestStorage_BlamesTheScanForAShortenedFile compares patterns, counts and integers, with a file that has become shorter: the error is not one
// of the spool, whose files the user does not know.
func TestStorage_BlamesTheScanForAShortenedFile(t *testing.T) {
	counts := placedCounts()
	short := make([]uint16, len(counts))
	for how, add := range map[string]func(w *PatternWriter) error{
		"floats":   func(w *PatternWriter) error { return w.Append(t.Context(), counts) },
		"integers": func(w *PatternWriter) error { return AppendIntegers(t.Context(), w, short) },
	} {
		w, source, _ := placed(t, tensor.Uint16, counts)
		source.bytes = source.bytes[:100]
		var fault *SourceError
		if err := add(w); !errors.As(err, &fault) || !strings.HasPrefix(err.Error(), "scan.h5: the file was shortened") {
			t.Errorf("%s: %v", how, err)
		}
	}
}
