package scan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/ptychogo/ptycho/core/tensor"
)

// Storage says where the patterns of a scan are stored while it is used.
type Storage struct {
	// Create creates a file for them, of at most the given size. nil: the patterns are held in memory.
	Create func(bytes int64) (PatternFile, error)
	// Keep opens the file of the scan, if its patterns are to stay there instead of being copied to a file of the given size; otherwise it
	// returns nil. nil: patterns are copied.
	Keep func(path string, bytes int64) SourceFile
}

// A SourceFile is the file of a scan, open for reading. It stays open for as long as the scan is used.
type SourceFile interface {
	io.ReaderAt
	Name() string   // for messages
	Path() string   // at which other processes open the file
	Modified() bool // whether the file may have been changed since it was opened
}

// SourceError is an error of a scan's file whose patterns are used where it has them.
type SourceError struct {
	File string
	Err  error
}

func (e *SourceError) Error() string { return e.File + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }

// storageError returns the error of a file where patterns are stored: that of the scan's file as it is, any other as a SpoolError.
func storageError(err error) error {
	var source *SourceError
	if errors.As(err, &source) {
		return source
	}
	return &SpoolError{err}
}

// A Place says where a file has the patterns one after the other, row-major and little-endian without gaps.
type Place struct {
	File   string
	Offset int64        // bytes
	DType  tensor.DType // of the counts: Uint8, Uint16 or Float32
}

// Writer returns a PatternWriter of a number of patterns, as NewPatternWriter does. at says where the scan's file has them, nil where it does
// not have them in a form that can be used as it is. Patterns that stay there are not written: the writer compares them with the file, and
// copies all of them when a count differs.
func (s Storage) Writer(at *Place, length, pixels, most int) (*PatternWriter, error) {
	if s.Create == nil || s.Keep == nil || at == nil {
		return NewPatternWriter(s.Create, length, pixels, most)
	}
	size := int64(length) * int64(pixels) * int64(most)
	file := s.Keep(at.File, size)
	if file == nil {
		return NewPatternWriter(s.Create, length, pixels, most)
	}
	w, err := NewPatternWriter(nil, length, pixels, most)
	if err != nil {
		return nil, err
	}
	w.file, w.dtype = &inPlace{SourceFile: file, offset: at.Offset}, at.DType
	w.measurer = newMeasurer(length, pixels)
	w.copied = func() (PatternFile, error) { return s.Create(size) }
	return w, nil
}

// inPlace makes a PatternFile of the patterns of a scan's file. Writing compares.
type inPlace struct {
	SourceFile
	offset  int64 // of the first pattern, bytes
	there   []byte
	checked int64  // bytes from the first pattern on that were compared
	sum     uint32 // of these bytes
}

// errDiffers is the error of WriteAt where the file has other bytes.
var errDiffers = errors.New("the scan's file has other counts")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ReadAt reads from the first pattern on.
func (p *inPlace) ReadAt(b []byte, at int64) (int, error) {
	n, err := p.SourceFile.ReadAt(b, p.offset+at)
	if n == len(b) {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the file was shortened while the command used it; run it again when the file is complete")
	}
	return n, &SourceError{p.Name(), err}
}

// WriteAt returns errDiffers unless the file has these bytes.
func (p *inPlace) WriteAt(b []byte, at int64) (int, error) {
	if len(p.there) < len(b) {
		p.there = make([]byte, len(b))
	}
	there := p.there[:len(b)]
	if _, err := p.ReadAt(there, at); err != nil {
		return 0, err
	}
	if !bytes.Equal(there, b) {
		return 0, errDiffers
	}
	if at == p.checked {
		p.checked += int64(len(b))
		p.sum = crc32.Update(p.sum, castagnoli, b)
	}
	return len(b), nil
}

// Seal does nothing: the file belongs to the user.
func (p *inPlace) Seal() {}

// Written implements Watcher.
func (p *inPlace) Written(done, of int) {
	if to, ok := p.SourceFile.(Watcher); ok {
		to.Written(done, of)
	}
}

// verify returns an error if the patterns are not those that were compared. It reads them only if the file may have been changed.
func (p *inPlace) verify(ctx context.Context) error {
	if !p.Modified() {
		return nil
	}
	sum, piece := uint32(0), make([]byte, min(p.checked, 4*pieceCounts))
	for at := int64(0); at < p.checked; at += int64(len(piece)) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		part := piece[:min(int64(len(piece)), p.checked-at)]
		if _, err := p.ReadAt(part, at); err != nil {
			return err
		}
		sum = crc32.Update(sum, castagnoli, part)
	}
	if sum != p.sum {
		return &SourceError{p.Name(), errors.New("the patterns were changed while the command used them; run it again when the file is complete")}
	}
	return nil
}

// InPlace returns the name of the scan's file if the patterns are used where it has them, "" if they were copied.
func (s *StoredPatterns) InPlace() string {
	if p, ok := s.file.(*inPlace); ok {
		return p.Name()
	}
	return ""
}

// Offset returns the bytes in the file before the first pattern.
func (s *StoredPatterns) Offset() int64 {
	if p, ok := s.file.(*inPlace); ok {
		return p.offset
	}
	return 0
}

// Verify returns an error if stored patterns are used where the scan's file has them, and were changed since.
func (s *Scan) Verify(ctx context.Context) error {
	if s.Stored == nil {
		return nil
	}
	if p, ok := s.Stored.file.(*inPlace); ok {
		return p.verify(ctx)
	}
	return nil
}

// leave copies the patterns so far from the scan's file to one of their own, in the smallest type.
func (w *PatternWriter) leave(ctx context.Context) error {
	from, dtype, count := w.file, w.dtype, w.count
	file, err := w.copied()
	if err != nil {
		return storageError(err)
	}
	w.file, w.dtype, w.count, w.copied = file, tensor.Uint8, 0, nil
	defer func(m *measurer) { w.measurer = m }(w.measurer)
	w.measurer = nil // these counts have been measured
	counts := make([]float32, min(count, pieceCounts))
	for at := int64(0); at < count; at += int64(len(counts)) {
		part := counts[:min(int64(len(counts)), count-at)]
		if err := readCounts(from, part, at, dtype); err != nil {
			return storageError(err)
		}
		if err := w.put(ctx, part, at); err != nil {
			return err
		}
	}
	return nil
}

// Note says how the patterns are stored if they are used where the scan's file has them, "" otherwise.
func (w *PatternWriter) Note() string {
	if p, ok := w.file.(*inPlace); ok {
		return fmt.Sprintf("the patterns are used where they are in %s, without a copy; do not change the file until the command ends", p.Name())
	}
	return ""
}
