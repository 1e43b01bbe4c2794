package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/model"
	"github.com/ptychogo/ptycho/internal/disk"
)

// Spool holds the arrays of a scan in temporary files that a backend maps. Where the system allows it the files have no
// names, so that nothing remains after a crash. A backend may open them until Remove is called. The caller must keep the
// Spool reachable until then.
type Spool struct {
	folders  []string
	files    []*disk.TemporaryFile
	kept     []*disk.SharedFile // files of scans whose patterns stay there
	progress func(host.Progress)
}

// NewSpool returns an empty spool. It uses the folders if neither memory nor the system's temporary folder has room.
func NewSpool(folders ...string) *Spool { return &Spool{folders: folders} }

// Watch lets progress, which may be nil, receive how many patterns of a scan have been read. It returns the spool.
func (s *Spool) Watch(progress func(host.Progress)) *Spool {
	s.progress = progress
	return s
}

// Create creates a file of the given size in the spool.
func (s *Spool) Create(bytes int64) (scan.PatternFile, error) {
	f, err := s.create(bytes)
	switch {
	case err != nil:
		return nil, err
	case s.progress == nil:
		return f, nil
	}
	return &watched{TemporaryFile: f, written: written{progress: s.progress}}, nil
}

// watched is a file of patterns whose progress is shown.
type watched struct {
	*disk.TemporaryFile
	written
}

// written shows how many patterns have been read.
type written struct {
	progress func(host.Progress)
	before   int // patterns
}

// Written implements scan.Watcher.
func (w *written) Written(done, of int) {
	w.progress(host.Progress{Phase: "read", Step: done, Steps: of, Patterns: done - w.before, Description: fmt.Sprintf("read: pattern %d of %d", done, of)})
	w.before = done
}

// Keep returns the file of a scan if its patterns should stay there, because a copy of the given size would be on the same file system or
// has no room: nil if they should be copied. The spool closes the file.
func (s *Spool) Keep(path string, bytes int64) scan.SourceFile {
	f, err := disk.OpenInPlace(path, bytes, s.folders...)
	if f == nil || err != nil { // the scan's reader has the better message
		return nil
	}
	s.kept = append(s.kept, f)
	if s.progress == nil {
		return f
	}
	return &watchedSource{SharedFile: f, written: written{progress: s.progress}}
}

// watchedSource is the file of a scan of which the progress of reading is shown.
type watchedSource struct {
	*disk.SharedFile
	written
}

func (s *Spool) create(bytes int64) (*disk.TemporaryFile, error) {
	f, err := disk.NewTemporaryFile(bytes, s.folders...)
	if err != nil {
		return nil, err
	}
	s.files = append(s.files, f)
	return f, nil
}

// needsRoom adds what to do about an error of writing.
func needsRoom(err error) error {
	if errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("%w; the shell limits the size of files, raise the limit with ulimit -f", err)
	}
	return fmt.Errorf("%w; set TMPDIR to a folder with room", err)
}

func spoolError(err error) error {
	return fmt.Errorf("spool of the patterns: %w, or choose fewer patterns with --n-images or --rows", err)
}

// Remove closes and removes the files. A nil Spool is empty.
func (s *Spool) Remove() {
	if s == nil {
		return
	}
	for _, f := range s.files {
		_ = f.Close() // the next start removes a file that could not be removed
	}
	for _, f := range s.kept {
		_ = f.Close() // it was only read
	}
	s.files, s.kept = nil, nil
}

// writtenAtOnce is the number of bytes written between two checks of the context.
const writtenAtOnce = 4 << 20

// interruptible is a writer that fails after the end of a context.
type interruptible struct {
	to    io.Writer
	until context.Context //nolint:containedctx // a writer lives no longer than the call that made it
}

func (w interruptible) Write(b []byte) (int, error) {
	done := 0
	for piece := range slices.Chunk(b, writtenAtOnce) {
		if w.until.Err() != nil {
			return done, context.Cause(w.until)
		}
		n, err := w.to.Write(piece)
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}

// write writes one array as an npy file for the backend to map.
func (s *Spool) write(ctx context.Context, t tensor.Tensor) (*backend.FileRef, error) {
	f, err := s.create(int64(len(t.Bytes())))
	if err != nil {
		return nil, spoolError(err)
	}
	offset, err := npz.EncodeNPY(interruptible{f, ctx}, t)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, spoolError(needsRoom(err))
	}
	f.Seal()
	return &backend.FileRef{Path: f.Path(), Offset: offset, DType: t.DType(), Shape: t.Shape()}, nil
}

// patterns returns the file of the patterns. It writes those of a scan in memory, in file order.
func (s *Spool) patterns(ctx context.Context, data *scan.Scan) (*backend.FileRef, error) {
	if data.Stored == nil {
		return s.write(ctx, tensor.Must(data.Counts, data.Len(), data.N, data.N))
	}
	if err := data.Err(); err != nil {
		return nil, err
	}
	if !data.Stored.Whole() {
		return nil, errors.New("spool of the patterns: a part of a file cannot be mapped")
	}
	return &backend.FileRef{Path: data.Stored.Path(), Offset: data.Stored.Offset(), DType: data.Stored.DType(), Shape: []int{data.Len(), data.N, data.N}}, nil
}

// Add returns the dataset of a scan, whose patterns the backend maps.
func (s *Spool) Add(ctx context.Context, data *scan.Scan, p model.Probe, background []float32) (backend.Dataset, error) {
	ref, err := s.patterns(ctx, data)
	if err != nil {
		return backend.Dataset{}, err
	}
	mask := make([]float32, data.N*data.N)
	for i := range mask {
		mask[i] = 1
		if data.Mask != nil && data.Mask[i] == 0 {
			mask[i] = 0
		}
	}
	whole := func(input string, t tensor.Tensor) backend.Array {
		return backend.Array{Input: input, Gather: backend.Whole, Value: t}
	}
	return backend.Dataset{Patterns: data.Len(), Arrays: []backend.Array{
		{Input: program.Counts, Gather: backend.PerPattern, File: ref},
		whole(program.Probe, tensor.Must(p.Modes, p.Count, data.N, data.N)),
		whole(program.Mask, tensor.Must(mask, data.N, data.N)),
		whole(program.Background, tensor.Must(background, data.N, data.N)),
	}}, nil
}
