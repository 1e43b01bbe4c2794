package acquisition

import (
	"context"
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/memory"
)

// batchBytes bounds the patterns that are read at once, as float64.
const batchBytes = 64 << 20

// readCounts fills the counts and the mask of s with the window of its patterns.
func (a *Acquisition) readCounts(ctx context.Context, s *scan.Scan, w window) error {
	pixels := w.side * w.side
	need := int64(len(s.Index)) * int64(pixels) * 4 // below 2⁶³, because both are bounded
	if free, known := memory.Available(); known && need+need/2+2*batchBytes > free {
		return fmt.Errorf("%s: %d patterns of %d×%d pixels need about %s of memory, but %s are available; take a part with --n-images or --rows",
			a.Path, len(s.Index), w.side, w.side, memory.Size(need+need/2+2*batchBytes), memory.Size(free))
	}
	if err := a.checkField(ctx); err != nil {
		return err
	}
	s.Counts = make([]float32, len(s.Index)*pixels)
	r := &countReader{a: a, w: w, bad: make([]bool, pixels), marker: a.parts[0].Type().marker()}
	atOnce := max(1, batchBytes/(8*pixels))
	for i := 0; i < len(s.Index); {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p, n := a.run(s.Index[i:], atOnce)
		if err := r.read(ctx, s.Counts[i*pixels:(i+n)*pixels], p, s.Index[i], n); err != nil {
			return err
		}
		i += n
	}
	return r.mask(s)
}

// Each passes the counts of the patterns of s, which Frame returned, to visit: several patterns at a time, in order. After the last it
// sets the mask. A pixel that only a later pattern marks is 0 there, and not in the patterns before.
func (a *Acquisition) Each(ctx context.Context, s *scan.Scan, visit func(counts []float32) error) error {
	if err := a.checkField(ctx); err != nil {
		return err
	}
	w := a.window()
	pixels := w.side * w.side
	r := &countReader{a: a, w: w, bad: make([]bool, pixels), marker: a.parts[0].Type().marker()}
	counts := make([]float32, max(1, batchBytes/(8*pixels))*pixels)
	for i := 0; i < len(s.Index); {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p, n := a.run(s.Index[i:], len(counts)/pixels)
		if err := r.read(ctx, counts[:n*pixels], p, s.Index[i], n); err != nil {
			return err
		}
		if err := visit(counts[:n*pixels]); err != nil {
			return err
		}
		i += n
	}
	return r.mask(s)
}

// run returns how many patterns, at most, follow each other in one dataset from the first of index on, and the dataset.
func (a *Acquisition) run(index []int, most int) (part, int) {
	p := a.partOf(index[0])
	n := 1
	for n < len(index) && n < most && index[n] == index[0]+n && index[n] < p.first+p.n {
		n++
	}
	return p, n
}

// IntegerBits returns the size of the integers in which the counts are stored, 0 where they are not integers.
func (a *Acquisition) IntegerBits() int {
	bits := 0
	for _, p := range a.parts {
		if a.amplitudes || !p.Type().Integer() {
			return 0
		}
		bits = max(bits, 8*p.Type().Size())
	}
	return bits
}

// mostMasked is the share of masked pixels above which a scan is refused.
const mostMasked = 0.9

// A countReader converts patterns and collects the pixels that are marked in any of them.
type countReader struct {
	a      *Acquisition
	w      window
	bad    []bool // [side, side]
	marker float64
	buffer []float64
	marked int // values
}

func (r *countReader) read(ctx context.Context, dst []float32, p part, first, n int) error {
	pixels := r.w.side * r.w.side
	if len(r.buffer) < n*pixels {
		r.buffer = make([]float64, n*pixels)
	}
	values := r.buffer[:n*pixels]
	start := []uint64{uint64(first - p.first), uint64(r.w.top), uint64(r.w.left)}
	if err := p.Read(ctx, values, start, []uint64{uint64(n), uint64(r.w.side), uint64(r.w.side)}); err != nil {
		return err
	}
	for i, v := range values {
		switch pixel := i % pixels; {
		case r.a.masks(r.w, pixel):
			v = 0
		case v < 0 || v >= r.marker:
			r.bad[pixel] = true
			r.marked++
			v = 0
		case math.IsNaN(v) || math.IsInf(v, 0):
			return fmt.Errorf("%s: pattern %d, pixel (%d, %d) (row, column) is %v; correct the file, or leave the pattern out with --rows",
				r.a.Path, first+i/pixels, r.w.top+i%pixels/r.w.side, r.w.left+i%r.w.side, v)
		case r.a.amplitudes:
			v *= v
		}
		if v > math.MaxFloat32 {
			return fmt.Errorf("%s: pattern %d, pixel (%d, %d) (row, column) has %.4g counts, more than float32 can hold", r.a.Path,
				first+i/pixels, r.w.top+i%pixels/r.w.side, r.w.left+i%r.w.side, v)
		}
		dst[i] = float32(v)
	}
	return nil
}

// mask masks the file's bad pixels and the marked ones, and sets their counts to 0.
func (r *countReader) mask(s *scan.Scan) error {
	before := len(r.a.Notes)
	r.a.noteMoved() // virtual datasets open their files when they are read
	s.Notes = append(s.Notes, r.a.Notes[before:]...)
	masked, added := 0, 0
	mask := make([]uint8, len(r.bad))
	for i, bad := range r.bad {
		good := !bad
		if r.a.masks(r.w, i) {
			good = false
		} else if bad {
			added++
		}
		if good {
			mask[i] = 1
		} else {
			masked++
		}
	}
	switch {
	case masked == 0:
		return nil
	case float64(masked) > mostMasked*float64(len(mask)):
		return fmt.Errorf("%s: %d of %d pixels are masked: %d by the file, %d because they are negative, or the largest value of %s, in some pattern; if the mask is inverted (in CXI 0 is good), correct the file",
			r.a.Path, masked, len(mask), masked-added, added, r.a.parts[0].Type())
	}
	s.Mask = mask
	for i := range s.Counts {
		if mask[i%len(mask)] == 0 {
			s.Counts[i] = 0
		}
	}
	if added > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%d pixels are masked, because they are negative or the largest value of %s in %d places", added, r.a.parts[0].Type(), r.marked))
	}
	if file := masked - added; file > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%d pixels are masked by the file", file))
	}
	return nil
}

// masks reports whether the file masks a pixel of the window.
func (a *Acquisition) masks(w window, pixel int) bool {
	return a.Mask != nil && a.Mask[(w.top+pixel/w.side)*a.Width+w.left+pixel%w.side] == 0
}
