package format

import (
	"context"
	"fmt"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/prepare"
	"github.com/ptychogo/ptycho/core/scan"
)

// prepare makes the plan by which patterns are made of the file's frames.
func (d *Description) prepare(q acquisition.Preparation) error {
	var err error
	if d.loaded, err = q.Load(d.Path, d.Height, d.Width); err != nil {
		return DataError(d.Path, err)
	}
	return d.replan()
}

func (d *Description) replan() error {
	var err error
	if d.plan, err = d.loaded.Plan(d.Height, d.Width); err != nil {
		return npz.Errorf(d.Path, "%w", err)
	}
	if n := d.plan.N; n < MinSide || n > MaxSide {
		return npz.Errorf(d.Path, "%s has patterns of %d×%d, want a side from %d to %d", d.Key, d.Height, d.Width, MinSide, MaxSide).Hint("crop or pad them with --crop or --pad")
	}
	return nil
}

// scale adapts geometry and positions to the patterns that are made.
func (d *Description) scale() {
	p := d.plan
	s := float64(d.N) / float64(p.Wide())
	d.Geometry.DetectorPixel *= float64(p.Bin)
	if d.PixelSize *= s; (s != 1 || p.Bin > 1) && d.Geometry.Known() {
		d.PixelSize = d.Geometry.ObjectPixel(p.N) // to the last bit as a converted file has it
	}
	d.Notes = append(d.Notes, d.loaded.Notes...)
	if d.Height != d.Width {
		d.Notes = append(d.Notes, fmt.Sprintf("of the patterns' %d×%d pixels (rows×columns) %s %d×%d are used", d.Height, d.Width, d.loaded.Part(), p.Side, p.Side))
	} else if p.Side != d.N {
		d.Notes = append(d.Notes, fmt.Sprintf("of the patterns' %d×%d pixels %s %d×%d are used, so that object pixels are %.4g times as large", d.N, d.N, d.loaded.Part(), p.Side, p.Side, float64(d.N)/float64(p.Side)))
	}
	d.Notes = append(d.Notes, p.Notes()...)
	if s != 1 {
		for i := range d.Rows {
			d.Rows[i], d.Cols[i] = d.Rows[i]/s, d.Cols[i]/s
		}
		d.dropObject("object pixels have another size")
	}
	if d.loaded.Turns() {
		d.dropObject("the patterns are turned")
	}
}

// rawUnits returns the unit of an array whose numbers are corrected before they are counts.
func (d *Description) rawUnits(units Units) (Units, error) {
	switch {
	case !d.loaded.Corrects(), units == Counts:
		return units, nil
	case units != Auto:
		return "", npz.Errorf(d.Path, "%s is %s by --diffraction-units, and --dark, --flat, --offset and --gain are for the numbers of a detector", d.Key, units).Hint("leave them out")
	case d.Scale == 0 && (d.patterns.Element().Integral() || d.Key == keyIntensity):
		return Counts, nil
	}
	return "", npz.Errorf(d.Path, "%s (%v) may be amplitudes, and --dark, --flat, --offset and --gain are for the numbers of a detector", d.Key, d.patterns.Element()).
		Hint("give --diffraction-units counts if it holds such numbers, or leave them out")
}

// settle joins the masks, and makes the decisions that need patterns.
func (d *Description) settle(ctx context.Context, s *scan.Scan) error {
	if d.loaded.Samples() {
		mean, err := d.mean(ctx)
		if err != nil {
			return err
		}
		if err := d.loaded.Settle(d.Path, mean, d.Height, d.Width); err != nil {
			return DataError(d.Path, err)
		}
	}
	if d.loaded.Centre != nil {
		d.Notes = append(d.Notes, "the patterns are taken around "+d.loaded.Where)
	}
	if d.loaded.Mask == nil {
		d.loaded.Mask = s.Mask
	} else {
		for i, used := range s.Mask {
			d.loaded.Mask[i] &= used
		}
		s.Mask = d.loaded.Mask
	}
	return d.replan()
}

// mean returns the mean [N, N] of the values of a sample of the patterns, as counts or amplitudes. Values below 0 are 0.
func (d *Description) mean(ctx context.Context) ([]float64, error) {
	sample := prepare.Sample(d.Patterns)
	mean := make([]float64, d.frame())
	var tally prepare.Tally
	m := newSorter(d, sample, nil, nil)
	m.window = len(sample)
	m.visit = func(pixel int, x float64) {
		if x = d.plan.Count(pixel, x, &tally); x > 0 && x < maxCount {
			mean[pixel] += x
		}
	}
	var err error
	if m.axes[0] == patternAxis && d.patterns.Seekable() {
		err = m.pick(ctx, sample, m.sortFrom(ctx))
	} else {
		err = d.patterns.Stream(func(raw []byte) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return m.sort(ctx, raw)
		})
	}
	return mean, err
}

// maxCount is above all counts.
const maxCount = 1e38

// arranges reports whether patterns differ from the frames in more than their values.
func (d *Description) arranges() bool {
	return d.plan != nil && (d.plan.Moves() || d.plan.N != d.Height || d.plan.N != d.Width)
}

// arrange passes on the patterns of frames.
func (s *sorter) arrange(ctx context.Context, frames []float32) error {
	p, size := s.d.plan, s.d.frame()
	pattern, sums := make([]float32, p.N*p.N), make([]float64, p.N*p.N)
	for ; len(frames) > 0; frames = frames[size:] {
		p.Arrange(pattern, frames[p.Top*s.d.Width+p.Left:], s.d.Width, sums)
		if err := s.to.Append(ctx, pattern); err != nil {
			return err
		}
	}
	return nil
}

// arrange makes the mask and the probe those of the patterns.
func (d *Description) arrange(s *scan.Scan) error {
	p := d.plan
	s.N, s.Mask = p.N, p.Mask()
	if s.Probe == nil || !p.Changes(d.N) {
		return nil
	}
	wide := make([]complex128, len(s.Probe))
	for i, v := range s.Probe {
		wide[i] = complex128(v)
	}
	made, note, err := p.Probe(wide, d.N)
	if err != nil {
		return npz.Errorf(d.Path, "%s: %w", keyProbe, err)
	}
	s.Notes = append(s.Notes, keyProbe+" "+note)
	s.Probe = make([]complex64, len(made))
	for i, v := range made {
		s.Probe[i] = complex64(v)
	}
	return nil
}
