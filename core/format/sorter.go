package format

import (
	"context"

	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/prepare"
	"github.com/ptychogo/ptycho/core/scan"
)

// axis says what an axis of the file's array counts.
type axis uint8

const (
	patternAxis axis = iota
	rowAxis
	columnAxis
)

// ordered reports whether the file has its patterns one after the other.
func ordered(d *Description) bool { return axesOf(d)[0] == patternAxis }

// axesOf returns the axes of the file's array in the order of its bytes.
func axesOf(d *Description) [3]axis {
	axes := [3]axis{patternAxis, rowAxis, columnAxis}
	if d.Layout == LayoutHWN {
		axes = [3]axis{rowAxis, columnAxis, patternAxis}
	}
	if d.patterns.Fortran() { // the first axis varies fastest
		axes[0], axes[2] = axes[2], axes[0]
	}
	return axes
}

// readPatterns reads the given rows of the file as counts, [len(rows), N, N], and returns their sum. Patterns that go to a file are
// passed on some at a time, if the scan's file has them in order. Otherwise values go directly to their final place, so that an array is never held
// twice. Masked pixels become 0.
func readPatterns(ctx context.Context, d *Description, rows []int, mask []uint8, c *converter, to *scan.PatternWriter) (total float64, err error) {
	s := newSorter(d, rows, mask, c)
	s.to, s.window = to, len(rows)
	if s.integers() && (len(rows) == d.Patterns || d.patterns.Seekable()) {
		return 0, s.copyIntegers(ctx, rows) // the sum is for values with a dose or a mask
	}
	if (to.InFile() || d.arranges()) && ordered(d) {
		s.window = min(len(rows), max(1, windowCounts/d.frame()))
	}
	s.whole, s.out = s.window == len(rows), make([]float32, s.window*d.frame())
	if len(rows) < d.Patterns && s.axes[0] == patternAxis && d.patterns.Seekable() {
		err = s.pick(ctx, rows, s.sortFrom(ctx))
	} else {
		err = d.patterns.Stream(func(raw []byte) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return s.sort(ctx, raw)
		})
	}
	if err == nil {
		err = s.flush(ctx, len(rows)-s.first)
	}
	if err != nil {
		return 0, err
	}
	d.Notes = append(d.Notes, s.tally.Notes()...)
	return s.seen, s.checkMask()
}

// frame returns the number of pixels of a pattern in the file.
func (d *Description) frame() int { return d.Height * d.Width }

// windowCounts is the number of counts that are collected before they are passed on.
const windowCounts = 1 << 20

// sorter converts the values of a file and puts them to their place among the selected patterns.
type sorter struct {
	d      *Description
	mask   []uint8
	c      *converter
	slot   []int     // index of a pattern in the result; −1: not selected
	axes   [3]axis   // of the file's array, slowest first
	at     [3]int    // position of the next value, by axis
	values []float64 // buffer for a piece
	hidden []float64 // [N, N] counts of the masked pixels over the selected patterns; nil without a mask
	out    []float32 // [window, N, N]
	first  int       // index in the result of out's first pattern
	window int
	whole  bool    // the window holds all selected patterns
	seen   float64 // sum of the counts that were passed on
	to     *scan.PatternWriter
	tally  prepare.Tally
	visit  func(pixel int, x float64) // receives the values in place of out
}

func newSorter(d *Description, rows []int, mask []uint8, c *converter) *sorter {
	s := &sorter{d: d, mask: mask, c: c, slot: make([]int, d.Patterns), axes: axesOf(d)}
	for i := range s.slot {
		s.slot[i] = -1
	}
	for i, r := range rows {
		s.slot[r] = i
	}
	if mask != nil && d.HasMask {
		s.hidden = make([]float64, d.frame())
	}
	return s
}

// flush passes the first patterns of the window on.
func (s *sorter) flush(ctx context.Context, patterns int) error {
	counts := s.out[:patterns*s.d.frame()]
	for _, k := range counts {
		s.seen += float64(k)
	}
	if s.d.arranges() {
		if err := s.arrange(ctx, counts); err != nil {
			return err
		}
	} else if s.whole {
		return s.to.Take(ctx, counts)
	} else if err := s.to.Append(ctx, counts); err != nil {
		return err
	}
	s.first += patterns
	clear(s.out)
	return nil
}

// sortFrom returns sort for values that begin with a pattern of the file.
func (s *sorter) sortFrom(ctx context.Context) func(first int, raw []byte) error {
	return func(first int, raw []byte) error {
		s.at = [3]int{patternAxis: first}
		return s.sort(ctx, raw)
	}
}

// sort processes the next values of the file.
func (s *sorter) sort(ctx context.Context, raw []byte) error {
	width, size := s.d.Width, s.d.frame()
	extent := [3]int{patternAxis: s.d.Patterns, rowAxis: s.d.Height, columnAxis: width}
	fastest := s.axes[2]
	e := s.d.patterns.Element()
	if len(s.values) < len(raw)/e.Size() {
		s.values = make([]float64, len(raw)/e.Size())
	}
	v := s.values[:len(raw)/e.Size()]
	e.Floats(v, raw)
	for len(v) > 0 {
		run := min(len(v), extent[fastest]-s.at[fastest])
		if fastest != patternAxis && s.slot[s.at[patternAxis]]-s.first >= s.window {
			if err := s.flush(ctx, s.window); err != nil {
				return err
			}
		}
		if fastest == patternAxis || s.slot[s.at[patternAxis]] >= 0 {
			for _, x := range v[:run] {
				to, pixel := s.slot[s.at[patternAxis]], s.at[rowAxis]*width+s.at[columnAxis]
				switch {
				case to < 0:
				case s.visit != nil:
					s.visit(pixel, x)
				case s.mask != nil && s.mask[pixel] == 0:
					if s.hidden != nil {
						s.hidden[pixel] += s.c.estimate(x)
					}
				default:
					if s.c.raw {
						x = s.d.plan.Count(pixel, x, &s.tally)
					}
					k, err := s.c.convert(x)
					if err != nil {
						return valueError(s.d, s.c, s.at, x, err)
					}
					s.out[(to-s.first)*size+pixel] = k
				}
				s.at[fastest]++
			}
		} else {
			s.at[fastest] += run
		}
		v = v[run:]
		for i := 2; i > 0 && s.at[s.axes[i]] == extent[s.axes[i]]; i-- {
			s.at[s.axes[i]] = 0
			s.at[s.axes[i-1]]++
		}
	}
	return nil
}

func valueError(d *Description, c *converter, at [3]int, x float64, err error) *npz.Error {
	e := npz.Errorf(d.Path, "%s of pattern %d, pixel (%d, %d) (row, column) %w", d.Key, at[patternAxis], at[rowAxis], at[columnAxis], err)
	if x >= 0 && (c.units == Auto || c.strict) {
		return e.Hint("give the unit of %s with --diffraction-units counts|amplitude|normalised", d.Key)
	}
	return e.Hint("correct it, or mark bad pixels with 0 in an array %s [%d, %d]", keyMask, d.Height, d.Width)
}
