package format

import (
	"context"
	"fmt"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/words"
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
	// Storage says where the patterns are stored. The caller keeps its files open for as long as the scan is used.
	Storage scan.Storage
	// Hold is the size of the counts, as float32, up to which they are held in memory in spite of Storage.
	Hold int64
}

// storage returns Storage for a number of patterns of n×n pixels, the zero value where their counts are held in memory.
func (o ScanOptions) storage(count, n int) scan.Storage {
	const float32Size = 4
	if int64(count)*int64(n)*int64(n)*float32Size <= o.Hold {
		return scan.Storage{}
	}
	return o.Storage
}

// ReadScan reads a scan in counts, from an npz archive or an HDF5 file. Only the selected patterns are kept in memory. The first of the
// scan's notes names the detected unit, with the reason.
func ReadScan(ctx context.Context, path string, o ScanOptions) (*scan.Scan, error) {
	s, err := readScan(ctx, path, o)
	if err == nil {
		s.Notes = append(s.Notes, s.LineNotes()...)
	}
	return s, err
}

func readScan(ctx context.Context, path string, o ScanOptions) (*scan.Scan, error) {
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
	if units, err = d.rawUnits(units); err != nil {
		return nil, err
	}
	s := &scan.Scan{Source: z.Path(), Format: "npz", N: d.N, Index: rows, PixelSize: d.PixelSize, Geometry: d.Geometry, Metadata: d.Metadata}
	if err := d.setPositions(s, rows); err != nil {
		return nil, err
	}
	if err := z.readShared(s, d, o.NoProbe); err != nil {
		return nil, err
	}
	if err := d.settle(ctx, s); err != nil {
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
	c.raw, c.told = d.plan.Corrects(), holdsCounts(d.Metadata)
	if o.Photons > 0 && !dosed {
		return nil, flagError(z.Path(), "contains its photon numbers, but --nphotons is %v", o.Photons).Hint("leave --nphotons out; only normalised patterns without an intensity_scale need it, with --diffraction-units normalised")
	}
	reason, err := z.readCounts(ctx, s, d, o, c, dosed)
	if err != nil {
		return nil, err
	}
	s.Notes = append([]string{reason}, d.Notes...)
	if err := d.arrange(s); err != nil {
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

// readCounts reads the patterns. It returns how their values were converted to counts. Dosed values are scaled to o.Photons.
func (z scanFile) readCounts(ctx context.Context, s *scan.Scan, d *Description, o ScanOptions, c *converter, dosed bool) (string, error) {
	most := c.bytes()
	if d.plan.Bin > 1 {
		most = 4
	}
	to, err := o.storage(len(s.Index), d.N).Writer(d.place(s.Index, c), len(s.Index), d.plan.N*d.plan.N, most)
	if err != nil {
		return "", err
	}
	total, err := readPatterns(ctx, d, s.Index, s.Mask, c, to)
	if err != nil {
		return "", err
	}
	reason, err := c.finish(z.Path())
	if err != nil {
		return "", err
	}
	if dosed {
		factor := o.Photons * float64(len(s.Index)) / total
		reason = fmt.Sprintf("counts = %.6g·%s², because --nphotons gives a pattern %g photons on average", factor, d.Key, o.Photons)
		if err := to.Update(ctx, func(squares []float32) {
			for i, v := range squares {
				squares[i] = float32(factor * float64(v))
			}
		}); err != nil {
			return "", err
		}
	}
	if n := to.Note(); n != "" {
		d.Notes = append(d.Notes, n)
	}
	s.Counts, s.Stored = to.Patterns()
	return reason, nil
}

// selection returns the patterns to read. It rejects an array that expands suspiciously, and patterns that do not fit
// the available memory.
func (z scanFile) selection(d *Description, o ScanOptions) ([]int, error) {
	rows, err := scan.ParseRows(o.Rows, d.Split, d.Patterns)
	if err == nil && o.Draw != 0 && o.Draw < len(rows) {
		rows, err = scan.Draw(rows, o.Draw, o.Seed)
	} else if o.Draw > len(rows) {
		d.Notes = append(d.Notes, fmt.Sprintf("%s requested, but the selection has %d: all are used", words.Of(o.Draw, "pattern")+" "+words.Verb(o.Draw, "was", "were"), len(rows)))
	}
	if err != nil {
		return nil, &npz.Error{Path: z.Path(), What: err.Error(), Err: err}
	}
	if err := z.CheckCompression(d.patterns); err != nil {
		return nil, err
	}
	if o.storage(len(rows), d.N).Create != nil && ordered(d) {
		return rows, nil // the patterns are read in pieces
	}
	return rows, checkScanRoom(d, len(rows))
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
				return npz.Errorf(z.Path(), "%s pixel (%d, %d) (row, column) is %d, want 1 (valid) or 0 (bad)", keyMask, i/d.Width, i%d.Width, m)
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
