package acquisition

import (
	"context"
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/prepare"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/machine"
	"github.com/ptychogo/ptycho/internal/words"
)

// batchBytes bounds the patterns that are read at once, as float64.
const batchBytes = 64 << 20

// readCounts fills the counts and the mask of s.
func (a *Acquisition) readCounts(ctx context.Context, s *scan.Scan, storage scan.Storage) error {
	side := a.plan.N
	pixels := side * side
	need := int64(2 * batchBytes)
	if storage.Create == nil {
		counts := int64(len(s.Index)) * int64(pixels) * float32Size // below 2⁶³, because both are bounded
		need += counts + counts/2
	}
	if free, known := machine.AvailableMemory(); known && need > free {
		return fmt.Errorf("%s: %d patterns of %d×%d pixels need about %s of memory, but %s are available; take a part with --n-images or --rows",
			a.Path, len(s.Index), side, side, machine.Size(need), machine.Size(free))
	}
	if err := a.checkField(ctx); err != nil {
		return err
	}
	to, err := storage.Writer(a.place(s.Index), len(s.Index), pixels, a.bytes())
	if err != nil {
		return err
	}
	r := newCountReader(a)
	if err := r.copyTo(ctx, to, s.Index); err != nil {
		return err
	}
	if err := r.mask(s); err != nil {
		return err
	}
	if r.marked > 0 { // a pixel that a later pattern marks is not yet 0 in the patterns before
		if err := to.Update(ctx, func(counts []float32) {
			for i := range counts {
				if s.Mask[i%pixels] == 0 {
					counts[i] = 0
				}
			}
		}); err != nil {
			return err
		}
	}
	if n := to.Note(); n != "" {
		s.Notes = append(s.Notes, n)
	}
	s.Counts, s.Stored = to.Patterns()
	return nil
}

// float32Size is the number of bytes of a float32.
const float32Size = 4

// bytes returns the size of the smallest type that holds all counts.
func (a *Acquisition) bytes() int {
	if bits := a.IntegerBits(); bits > 0 {
		return min(bits/8, float32Size)
	}
	return float32Size
}

// Each passes the counts of the patterns of s, which Frame returned, to visit: several patterns at a time, in order. After the last it
// sets the mask. A pixel that only a later pattern marks is 0 there, and not in the patterns before.
func (a *Acquisition) Each(ctx context.Context, s *scan.Scan, visit func(counts []float32) error) error {
	if err := a.checkField(ctx); err != nil {
		return err
	}
	r := newCountReader(a)
	if err := r.each(ctx, s.Index, visit); err != nil {
		return err
	}
	return r.mask(s)
}

// each passes the counts of patterns to visit, several at a time, in order.
func (r *countReader) each(ctx context.Context, index []int, visit func(counts []float32) error) error {
	pixels := len(r.bad)
	counts := make([]float32, min(len(index), max(1, batchBytes/(8*max(pixels, r.a.plan.Height*r.a.plan.Width))))*pixels)
	for i := 0; i < len(index); {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p, n := r.a.run(index[i:], len(counts)/pixels)
		if err := r.read(ctx, counts[:n*pixels], p, index[i], n); err != nil {
			return err
		}
		if err := visit(counts[:n*pixels]); err != nil {
			return err
		}
		i += n
	}
	return nil
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
		if a.amplitudes || !p.Type().Integer() || a.plan.Corrects() {
			return 0
		}
		bits = max(bits, 8*p.Type().Size())
	}
	if a.plan.Bin > 1 {
		bits = max(bits, 8*float32Size)
	}
	return bits
}

// mostMasked is the share of masked pixels above which a scan is refused.
const mostMasked = 0.9

// A countReader converts frames to patterns and collects the pixels that are marked in any of them.
type countReader struct {
	a      *Acquisition
	bad    []bool // [N, N]
	marker float64
	frames []float64 // as they are in the file
	counts []float32 // of a frame that is not yet a pattern
	sums   []float64
	marked int // values
	tally  prepare.Tally
	most   float64 // counts
}

func newCountReader(a *Acquisition) *countReader {
	pixels := a.plan.N * a.plan.N
	r := &countReader{a: a, bad: make([]bool, pixels), marker: a.parts[0].Type().marker()}
	if a.plan.Moves() {
		r.counts, r.sums = make([]float32, a.plan.Height*a.plan.Width), make([]float64, pixels)
	}
	return r
}

// read fills dst with n patterns, of which the first has the given number.
func (r *countReader) read(ctx context.Context, dst []float32, p part, first, n int) error {
	plan := r.a.plan
	size, pixels := plan.Height*plan.Width, plan.N*plan.N
	if len(r.frames) < n*size {
		r.frames = make([]float64, n*size)
	}
	start := []uint64{uint64(first - p.first), uint64(plan.Top), uint64(plan.Left)}
	if err := p.Read(ctx, r.frames[:n*size], start, []uint64{uint64(n), uint64(plan.Height), uint64(plan.Width)}); err != nil {
		return err
	}
	for k := range n {
		pattern := dst[k*pixels : (k+1)*pixels]
		counts := pattern
		if plan.Moves() {
			counts = r.counts
		}
		if err := r.convert(counts, r.frames[k*size:(k+1)*size], first+k); err != nil {
			return err
		}
		if plan.Moves() {
			plan.Arrange(pattern, counts, plan.Width, r.sums)
		}
	}
	return nil
}

// convert makes counts of the values of the part of a frame that is read.
func (r *countReader) convert(counts []float32, frame []float64, number int) error {
	plan := r.a.plan
	signed := plan.Corrects() // values may be negative before an offset is subtracted
	for row := range plan.Height {
		for column := range plan.Width {
			i, at := row*plan.Width+column, (plan.Top+row)*r.a.Width+plan.Left+column // of the part, of the frame
			v := frame[i]
			switch {
			case plan.Hides(at):
				v = 0
			case v < 0 && !signed || v >= r.marker:
				if to := plan.Target(i); to >= 0 {
					r.bad[to] = true
					r.marked++
				}
				v = 0
			case math.IsNaN(v) || math.IsInf(v, 0):
				return fmt.Errorf("%s: pattern %d, pixel (%d, %d) (row, column) is %v; correct the file, or leave the pattern out with --rows",
					r.a.Path, number, plan.Top+row, plan.Left+column, v)
			case r.a.amplitudes:
				v, _ = Whole(v * v)
			case signed:
				v = plan.Count(at, v, &r.tally)
			}
			r.most = max(r.most, v)
			if v > math.MaxFloat32 {
				return fmt.Errorf("%s: pattern %d, pixel (%d, %d) (row, column) has %.4g counts, more than float32 can hold", r.a.Path, number, plan.Top+row, plan.Left+column, v)
			}
			counts[i] = float32(v)
		}
	}
	return nil
}

// Values says whether the patterns are amplitudes, square roots of counts, or counts, in place of what the layout says.
func (a *Acquisition) Values(amplitudes bool) {
	a.amplitudes, a.chosen = amplitudes, true
}

// Tolerances of "a whole number". A float32 amplitude has a relative error of at most 6e-8, its square 1.2e-7, and
// scaling by a float32 number and back keeps it below 4e-7. The constant covers values near zero.
const (
	wholeRelative = 4e-7
	wholeAbsolute = 1e-4
)

// Whole returns k rounded, and true, if the square k of an amplitude is a whole number except for rounding errors; else k.
func Whole(k float64) (float64, bool) {
	if r := math.Round(k); math.Abs(k-r) <= wholeRelative*k+wholeAbsolute {
		return r, true
	}
	return k, false
}

// exactCounts is the count up to which float32 holds every whole number.
const exactCounts = 1 << 24

// noteCounts states how the values were taken, and where float32 rounds them.
func (r *countReader) noteCounts(s *scan.Scan) {
	if r.a.chosen {
		how := "counts, because of --diffraction-units"
		if r.a.amplitudes {
			how = "amplitudes, because of --diffraction-units: counts are their squares"
		}
		s.Notes = append(s.Notes, "the patterns are taken as "+how)
	}
	if r.most > exactCounts {
		s.Notes = append(s.Notes, fmt.Sprintf("the brightest pixel has %.9g counts; above %d float32 rounds them", r.most, exactCounts))
	}
}

// mask masks the file's bad pixels and the marked ones.
func (r *countReader) mask(s *scan.Scan) error {
	r.noteCounts(s)
	before := len(r.a.Notes)
	r.a.noteMoved() // virtual datasets open their files when they are read
	s.Notes = append(s.Notes, r.a.Notes[before:]...)
	if r.tally.Dark() {
		return fmt.Errorf("%s: no value is above the dark and the offset, so that the patterns have no photons; correct --dark or --offset", r.a.Path)
	}
	s.Notes = append(s.Notes, r.tally.Notes()...)
	masked, added := 0, 0
	mask := make([]uint8, len(r.bad))
	known := r.a.plan.Mask()
	for i, bad := range r.bad {
		mask[i] = 1
		hidden := known != nil && known[i] == 0
		if bad && !hidden {
			added++
		}
		if bad || hidden {
			mask[i] = 0
			masked++
		}
	}
	border := r.a.plan.Border()
	switch {
	case float64(masked-border) > mostMasked*float64(len(mask)-border):
		marks := fmt.Sprintf("%d because they are negative, or the largest value of %s, in some pattern", added, r.a.parts[0].Type())
		if by := r.a.maskedBy(); by != "" {
			marks = fmt.Sprintf("%d by %s, %s; if the mask is inverted (in CXI 0 is good), correct the file", masked-border-added, by, marks)
		}
		return fmt.Errorf("%s: %d of %d pixels are masked: %s", r.a.Path, masked-border, len(mask)-border, marks)
	case r.most == 0:
		return fmt.Errorf("%s: the selected patterns are zero everywhere: they have no photons; correct the file, or select others with --rows", r.a.Path)
	}
	if masked > 0 {
		s.Mask = mask
	}
	if added > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%s masked, because of negative numbers or the largest value of %s in %s", areMasked(added), r.a.parts[0].Type(), words.Of(r.marked, "place")))
	}
	if file := masked - border - added; file > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%s masked by %s", areMasked(file), r.a.maskedBy()))
	}
	return nil
}

// areMasked returns "1 pixel is" or "n pixels are".
func areMasked(n int) string { return words.Of(n, "pixel") + " " + words.Verb(n, "is", "are") }

// masks reports whether the file masks a pixel of the window.
func (a *Acquisition) masks(w window, pixel int) bool {
	return a.Mask != nil && a.Mask[(w.top+pixel/w.side)*a.Width+w.left+pixel%w.side] == 0
}
