package format

import (
	"context"
	"fmt"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/plural"
)

// ScanOptions are the options of ReadScan.
type ScanOptions struct {
	Units  Units  // "": Auto
	Layout Layout // "": detected
	Rows   string // selection of patterns, see scan.ParseRows; "": all
	Draw   int    // number of selected patterns to draw; 0, or too large: all
	Seed   int64  // for Draw
	// Photons is the mean number of photons in a pattern, 0 if unknown. It is required for normalised amplitudes
	// without an intensity_scale, and an error for other data, whose photons are known.
	Photons float64
	// HighCompression allows arrays that expand more than 1000-fold.
	HighCompression bool
	NoProbe         bool              // skip the probe, because the caller has one
	Given           acquisition.Given // what the caller says of the file, and changes
}

// ReadScan reads a scan in counts, from an npz archive or an HDF5 file. Only the selected patterns are kept in memory. The first of the
// scan's notes names the detected unit, with the reason.
func ReadScan(ctx context.Context, path string, o ScanOptions) (*scan.Scan, error) {
	units, err := ParseUnits(string(o.Units))
	if err != nil {
		return nil, err
	}
	if a, ok, err := openAcquisition(path, o.Given); err != nil {
		return nil, err
	} else if ok {
		defer a.Close()
		return readAcquisition(ctx, a, o, units)
	}
	z, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	z.AllowHighCompression(o.HighCompression)
	return z.readScan(ctx, o, units)
}

func (z scanFile) readScan(ctx context.Context, o ScanOptions, units Units) (*scan.Scan, error) {
	d, err := z.describe(o.Layout)
	if err != nil {
		return nil, err
	}
	if err := d.give(o.Given); err != nil {
		return nil, err
	}
	rows, err := z.selection(d, o)
	if err != nil {
		return nil, err
	}
	s := &scan.Scan{Source: z.Path(), Format: "npz", N: d.N, Index: rows, PixelSize: d.PixelSize, Geometry: d.Geometry, Metadata: d.Metadata}
	if err := d.setPositions(s, rows); err != nil {
		return nil, err
	}
	if err := z.readShared(s, d, o.NoProbe); err != nil {
		return nil, err
	}
	dosed := units == Normalised && d.Scale == 0 && o.Photons > 0
	if dosed {
		d.Scale = 1
	}
	c, err := newConverter(z.Path(), d.Key, d.patterns.Element(), d.Scale, units)
	if err != nil {
		return nil, err
	}
	if o.Photons > 0 && !dosed {
		return nil, npz.Errorf(z.Path(), "contains its photon numbers, but --nphotons is %v", o.Photons).Hint("leave --nphotons out; only normalised patterns without an intensity_scale need it, with --diffraction-units normalised")
	}
	if s.Counts, err = readPatterns(ctx, d, rows, s.Mask, c); err != nil {
		return nil, err
	}
	reason, err := c.finish(z.Path())
	if err != nil {
		return nil, err
	}
	if dosed {
		reason = dose(s.Counts, len(rows), o.Photons, d.Key)
	}
	s.Notes = append([]string{reason}, d.Notes...)
	if err := d.crop(s); err != nil {
		return nil, err
	}
	if c.most > 1<<24 {
		s.Notes = append(s.Notes, fmt.Sprintf("the brightest pixel has %.9g counts; above 16777216 float32 rounds them", c.most))
	}
	if s.ZeroAtCorner() {
		s.Notes = append(s.Notes, fmt.Sprintf("the patterns are bright at their corners and dark in the middle; the zero frequency must be at pixel (%d, %d): apply numpy.fft.fftshift(%s, axes=(1, 2)) to patterns [n, N, N]", s.N/2, s.N/2, d.Key))
	}
	if d.Split != nil && o.Rows == "" {
		s.Notes = append(s.Notes, "the file's split array is ignored; --rows split=K selects by it")
	}
	if err := s.Validate(); err != nil {
		return nil, &npz.Error{Path: z.Path(), What: err.Error(), Err: err}
	}
	return s, nil
}

// selection returns the patterns to read. It rejects an array that expands suspiciously, and patterns that do not fit
// the available memory.
func (z scanFile) selection(d *Description, o ScanOptions) ([]int, error) {
	rows, err := scan.ParseRows(o.Rows, d.Split, d.Patterns)
	if err == nil && o.Draw != 0 && o.Draw < len(rows) {
		rows, err = scan.Draw(rows, o.Draw, o.Seed)
	} else if o.Draw > len(rows) {
		d.Notes = append(d.Notes, fmt.Sprintf("%s requested, but the selection has %d: all are used", plural.Of(o.Draw, "pattern")+" "+plural.Verb(o.Draw, "was", "were"), len(rows)))
	}
	if err != nil {
		return nil, &npz.Error{Path: z.Path(), What: err.Error(), Err: err}
	}
	if err := z.CheckCompression(d.patterns); err != nil {
		return nil, err
	}
	return rows, checkScanRoom(d, len(rows))
}

// dose scales the squares of normalised amplitudes to the given mean number of photons per pattern.
func dose(squares []float32, patterns int, photons float64, key string) string {
	total := 0.0
	for _, v := range squares {
		total += float64(v)
	}
	factor := photons * float64(patterns) / total
	for i, v := range squares {
		squares[i] = float32(factor * float64(v))
	}
	return fmt.Sprintf("counts = %.6g·%s², because --nphotons gives a pattern %g photons on average", factor, key, photons)
}

// readShared reads probe, object and mask.
func (z scanFile) readShared(s *scan.Scan, d *Description, noProbe bool) error {
	if d.Modes > 0 && !noProbe {
		if err := z.readProbe(s, d); err != nil {
			return err
		}
	}
	if d.ObjectHeight > 0 {
		if err := z.readObject(s, d); err != nil {
			return err
		}
	}
	if d.HasMask {
		v, _, err := z.Int64(keyMask)
		if err != nil {
			return err
		}
		s.Mask = make([]uint8, len(v))
		valid := 0
		for i, m := range v {
			if m != 0 && m != 1 {
				return npz.Errorf(z.Path(), "%s pixel (%d, %d) (row, column) is %d, want 1 (valid) or 0 (bad)", keyMask, i/s.N, i%s.N, m)
			}
			s.Mask[i] = uint8(m)
			valid += int(m)
		}
		if valid == 0 {
			return npz.Errorf(z.Path(), "%s marks every pixel as bad", keyMask).Hint("1 means valid, 0 means bad")
		}
		d.Notes = append(d.Notes, fmt.Sprintf("%d of %d detector pixels are masked; their counts are set to 0", len(v)-valid, len(v)))
	}
	return nil
}

// axis says what an axis of the file's array counts.
type axis uint8

const (
	patternAxis axis = iota
	rowAxis
	columnAxis
)

// readPatterns reads the given rows of the file as counts, [len(rows), N, N]. Values go directly to their final place
// for any layout, so that an array is never held twice. Masked pixels become 0.
func readPatterns(ctx context.Context, d *Description, rows []int, mask []uint8, c *converter) ([]float32, error) {
	s := newSorter(d, rows, mask, c)
	if len(rows) < d.Patterns && s.axes[0] == patternAxis && d.patterns.Seekable() {
		if err := s.pick(ctx, rows); err != nil {
			return nil, err
		}
		return s.out, s.checkMask()
	}
	err := d.patterns.Stream(func(raw []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return s.sort(raw)
	})
	if err != nil {
		return nil, err
	}
	return s.out, s.checkMask()
}

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
	out    []float32 // [selected, N, N]
}

func newSorter(d *Description, rows []int, mask []uint8, c *converter) *sorter {
	s := &sorter{d: d, mask: mask, c: c, slot: make([]int, d.Patterns), axes: [3]axis{patternAxis, rowAxis, columnAxis}}
	for i := range s.slot {
		s.slot[i] = -1
	}
	for i, r := range rows {
		s.slot[r] = i
	}
	if d.Layout == LayoutHWN {
		s.axes = [3]axis{rowAxis, columnAxis, patternAxis}
	}
	if d.patterns.Fortran() { // the first axis varies fastest
		s.axes[0], s.axes[2] = s.axes[2], s.axes[0]
	}
	s.out = make([]float32, len(rows)*d.N*d.N)
	if mask != nil {
		s.hidden = make([]float64, d.N*d.N)
	}
	return s
}

// sort processes the next values of the file.
func (s *sorter) sort(raw []byte) error {
	n, size := s.d.N, s.d.N*s.d.N
	extent := [3]int{patternAxis: s.d.Patterns, rowAxis: n, columnAxis: n}
	fastest := s.axes[2]
	e := s.d.patterns.Element()
	if len(s.values) < len(raw)/e.Size() {
		s.values = make([]float64, len(raw)/e.Size())
	}
	v := s.values[:len(raw)/e.Size()]
	e.Floats(v, raw)
	for len(v) > 0 {
		run := min(len(v), extent[fastest]-s.at[fastest])
		if fastest == patternAxis || s.slot[s.at[patternAxis]] >= 0 {
			for _, x := range v[:run] {
				to, pixel := s.slot[s.at[patternAxis]], s.at[rowAxis]*n+s.at[columnAxis]
				switch {
				case to < 0:
				case s.mask != nil && s.mask[pixel] == 0:
					s.hidden[pixel] += s.c.estimate(x)
				default:
					k, err := s.c.convert(x)
					if err != nil {
						return valueError(s.d, s.c, s.at, x, err)
					}
					s.out[to*size+pixel] = k
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
	return e.Hint("correct it, or mark bad pixels with 0 in an array %s [%d, %d]", keyMask, d.N, d.N)
}
