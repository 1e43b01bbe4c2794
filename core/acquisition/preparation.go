package acquisition

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/prepare"
	"github.com/ptychogo/ptycho/internal/words"
)

// Preparation says how the frames of a file are prepared. Dark, Flat and Mask name arrays: /path of the file itself, FILE:/path, or FILE with
// one array.
type Preparation struct {
	Dark, Flat, Mask string
	Polarity         string   // of Mask, what a number other than 0 marks: good or bad; "": known by the name of the array
	Hot              [][2]int // pixels (row, column) of the frames that are masked
	FindCentre       bool     // the centre is that of the beam
	prepare.Steps             // without the arrays
}

// Loaded are the steps of a preparation with their arrays.
type Loaded struct {
	prepare.Steps
	Notes []string
	Given []uint8 // [H, W] the mask that is named, 0 for bad pixels; nil without one
	named string  // of the mask, for messages
	ones  string  // what its numbers other than 0 mark
	find  bool    // the centre
	hot   bool    // pixels are named
	Where string  // the centre is, for notes
}

// Load reads the arrays for frames of h×w pixels of a file that is not read as an Acquisition.
func (q Preparation) Load(file string, h, w int) (Loaded, error) {
	if q.Dark == "" && q.Flat == "" && q.Mask == "" {
		return q.load(&Acquisition{Path: file, Height: h, Width: w})
	}
	c, err := openContainer(file)
	if err != nil {
		return Loaded{}, err
	}
	a := &Acquisition{Path: file, Height: h, Width: w, main: c, open: []io.Closer{c}}
	defer a.Close()
	return q.load(a)
}

// load reads the arrays for the frames of a.
func (q Preparation) load(a *Acquisition) (Loaded, error) {
	l := Loaded{Steps: q.Steps, find: q.FindCentre, hot: q.Hot != nil}
	l.name("the centre that is given")
	if q.Dark != "" || q.Flat != "" || q.Mask != "" || q.Hot != nil {
		if a.Height > prepare.MaxFrame/a.Width {
			return l, fmt.Errorf("%s: patterns have %d×%d pixels, too many for --dark, --flat, --mask and --hot-pixels", a.Path, a.Height, a.Width)
		}
		l.Mask = slices.Repeat([]uint8{1}, a.Height*a.Width)
	}
	if q.Dark != "" {
		dark, frames, err := a.frame("dark", q.Dark)
		if err != nil {
			return l, err
		}
		mean, bad := l.usable(dark, finite)
		l.Dark = dark
		l.Notes = append(l.Notes, fmt.Sprintf("--dark %s%s, %.4g on average, is subtracted%s", q.Dark, frames, mean, alsoMasked(bad, "not finite")))
	}
	if q.Flat != "" {
		flat, frames, err := a.frame("flat", q.Flat)
		if err != nil {
			return l, err
		}
		mean, bad := l.usable(flat, func(v float64) bool { return finite(v) && v > 0 })
		if bad == len(flat) {
			return l, fmt.Errorf("%s: --flat %s has no value above 0", a.Path, q.Flat)
		}
		for i := range flat {
			flat[i] /= mean
		}
		l.Flat = flat
		l.Notes = append(l.Notes, fmt.Sprintf("patterns are divided by --flat %s%s over its mean, %.4g%s", q.Flat, frames, mean, alsoMasked(bad, "0, negative or not finite")))
	}
	if err := l.hide(a, q.Hot); err != nil || q.Mask == "" {
		return l, err
	}
	return l, l.takeMask(a, q)
}

// hide masks pixels that are named.
func (l *Loaded) hide(a *Acquisition, hot [][2]int) error {
	for _, p := range hot {
		if p[0] < 0 || p[1] < 0 || p[0] >= a.Height || p[1] >= a.Width {
			return fmt.Errorf("%s: --hot-pixels has (%d, %d) (row, column), and patterns have %d×%d pixels", a.Path, p[0], p[1], a.Height, a.Width)
		}
		l.Mask[p[0]*a.Width+p[1]] = 0
	}
	if hot != nil {
		l.Notes = append(l.Notes, fmt.Sprintf("%s by --hot-pixels", words.Of(len(hot), "pixel")+" "+words.Verb(len(hot), "is", "are")+" masked"))
	}
	return nil
}

// name says where the centre is.
func (l *Loaded) name(which string) {
	l.Where = "its middle"
	if l.Centre != nil {
		l.Where = fmt.Sprintf("%s (%d, %d) (row, column)", which, l.Centre[0], l.Centre[1])
	}
}

// Part names the square that is used.
func (l *Loaded) Part() string {
	if l.Centre == nil && !l.find {
		return "the middle"
	}
	return "a square of"
}

// Samples reports whether Settle needs the mean of a sample of the patterns.
func (l *Loaded) Samples() bool { return l.Given != nil || l.find }

// Settle finds the centre in the mean frame [h, w], if it is asked for, and returns an error if the mask that is named hides the beam.
func (l *Loaded) Settle(file string, mean []float64, h, w int) error {
	if err := l.checkMask(file, mean, h, w); err != nil || !l.find {
		return err
	}
	for i, used := range l.Mask {
		if used == 0 {
			mean[i] = 0
		}
	}
	centre, ok := prepare.Beam(mean, h, w)
	if !ok {
		return fmt.Errorf("%s: the patterns have no counts by which --centre auto could find the beam; give --centre row,column", file)
	}
	l.Centre = &centre
	l.name("the centre of mass of the beam,")
	return nil
}

// usable masks the values of a frame that are not good, makes them 1, and returns the mean of the others.
func (l *Loaded) usable(frame []float64, good func(float64) bool) (mean float64, bad int) {
	for i, v := range frame {
		if !good(v) {
			l.Mask[i], frame[i] = 0, 1
			bad++
			continue
		}
		mean += v
	}
	return mean / float64(max(len(frame)-bad, 1)), bad
}

// alsoMasked names pixels that are masked besides.
func alsoMasked(n int, why string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %s where it is %s %s masked", words.Of(n, "pixel"), why, words.Verb(n, "is", "are"))
}

// takeMask reads the mask.
func (l *Loaded) takeMask(a *Acquisition, q Preparation) error {
	l.named, l.ones = q.Mask, q.Polarity
	if l.ones == "" {
		name := path.Base(q.Mask)
		if name != "pixel_mask" && name != "bad_pixels" {
			return fmt.Errorf("%s: --mask %s does not say what its numbers mean: give --mask-polarity bad if 0 marks pixels that are used, or --mask-polarity good if 0 marks bad ones", a.Path, q.Mask)
		}
		l.ones = "bad"
	}
	values, frames, err := a.frame("mask", q.Mask)
	if err != nil {
		return err
	}
	if frames != "" {
		return fmt.Errorf("%s: --mask %s has %s, and one mask for all patterns is read", a.Path, q.Mask, strings.TrimPrefix(frames, ", the mean of "))
	}
	l.Given = make([]uint8, len(values))
	hidden := 0
	for i, v := range values {
		if math.IsNaN(v) {
			return fmt.Errorf("%s: --mask %s is not a number at pixel (%d, %d) (row, column)", a.Path, q.Mask, i/a.Width, i%a.Width)
		}
		if (v != 0) == (l.ones == "good") {
			l.Given[i] = 1
		} else {
			hidden++
			l.Mask[i] = 0
		}
	}
	if hidden == len(values) {
		return fmt.Errorf("%s: --mask %s hides all pixels; if it is inverted, give --mask-polarity %s", a.Path, q.Mask, other(l.ones))
	}
	l.Notes = append(l.Notes, fmt.Sprintf("--mask %s hides %d of %d pixels, those where it is %s", q.Mask, hidden, len(values), map[string]string{"good": "0", "bad": "not 0"}[l.ones]))
	return nil
}

// other returns the other polarity.
func other(ones string) string {
	if ones == "good" {
		return "bad"
	}
	return "good"
}

// mostHidden is the share of the counts that a mask may hide.
const mostHidden = 0.9

// checkMask returns an error if the mask that is named hides the beam, which the mean frame [h, w] shows.
func (l *Loaded) checkMask(file string, mean []float64, h, w int) error {
	if l.Given == nil {
		return nil
	}
	share := prepare.Hidden(mean, l.Given, h, w)
	if share < mostHidden {
		return nil
	}
	return fmt.Errorf("%s: --mask %s hides %.4g %% of the counts, the beam among them; if it is inverted, give --mask-polarity %s", file, l.named, 100*share, other(l.ones))
}

// maxFrames is the largest number of frames of which a mean is read.
const maxFrames = 10000

// frame reads an array [H, W], or the mean of an array [n, H, W].
func (a *Acquisition) frame(flag, name string) (mean []float64, frames string, err error) {
	d, err := a.elsewhere(name)
	if errors.Is(err, fs.ErrNotExist) && !strings.Contains(name, ":/") {
		return nil, "", fmt.Errorf("%s: --%s %s is neither a file nor an array of the scan's file", a.Path, flag, name)
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s: --%s %s: %w", a.Path, flag, name, err)
	}
	s := d.Shape()
	if n := len(s); n < 2 || n > 3 || s[n-2] != uint64(a.Height) || s[n-1] != uint64(a.Width) || n == 3 && (s[0] == 0 || s[0] > maxFrames) {
		return nil, "", fmt.Errorf("%s: --%s %s has the shape %d, and the patterns have %d×%d pixels (rows×columns), as in the file", a.Path, flag, name, d.Shape(), a.Height, a.Width)
	}
	mean = make([]float64, a.Height*a.Width)
	if len(s) == 2 {
		err = readAll(d, mean)
	} else if err = d.Read(context.Background(), mean, make([]uint64, len(s)), []uint64{1, s[1], s[2]}); err == nil && s[0] > 1 {
		err = addFrames(d, mean)
		frames = fmt.Sprintf(", the mean of %d frames", s[0])
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s: --%s %s: %w", a.Path, flag, name, err)
	}
	return mean, frames, nil
}

// addFrames makes the first frame of an array the mean of all.
func addFrames(d Array, mean []float64) error {
	s := d.Shape()
	next := make([]float64, len(mean))
	for i := uint64(1); i < s[0]; i++ {
		if err := d.Read(context.Background(), next, []uint64{i, 0, 0}, []uint64{1, s[1], s[2]}); err != nil {
			return err
		}
		for k, v := range next {
			mean[k] += v
		}
	}
	for k := range mean {
		mean[k] /= float64(s[0])
	}
	return nil
}

// begin reads the arrays of the preparation and makes the plan.
func (q Preparation) begin(a *Acquisition) error {
	l, err := q.load(a)
	if err != nil {
		return err
	}
	if a.amplitudes && l.Corrects() {
		return fmt.Errorf("%s: its patterns are square roots of counts, and --dark, --flat, --offset and --gain are for the numbers of a detector; leave them out", a.Path)
	}
	if l.Centre == nil && !l.Corner {
		l.Centre = a.centre
		l.name("the file's beam centre")
	}
	if a.Mask != nil && l.Mask == nil {
		l.Mask = a.Mask
	} else if a.Mask != nil {
		for i, used := range a.Mask {
			l.Mask[i] &= used
		}
	}
	a.loaded = l
	return a.replan()
}

// replan makes the plan of the steps.
func (a *Acquisition) replan() error {
	var err error
	if a.plan, err = a.loaded.Plan(a.Height, a.Width); err != nil {
		return fmt.Errorf("%s: %w", a.Path, err)
	}
	return nil
}

// settle makes the decisions that need patterns.
func (a *Acquisition) settle() error {
	if a.settled || !a.loaded.Samples() {
		return nil
	}
	mean, err := a.mean()
	if err != nil {
		return err
	}
	if err := a.loaded.Settle(a.Path, mean, a.Height, a.Width); err != nil {
		return err
	}
	a.settled = true
	return a.replan()
}

// mean returns the mean counts [Height, Width] of a sample of the patterns. Values that mark bad pixels, and those that are not finite, are 0.
func (a *Acquisition) mean() ([]float64, error) {
	mean, values := make([]float64, a.Height*a.Width), make([]float64, a.Height*a.Width)
	sample := prepare.Sample(a.Patterns)
	var tally prepare.Tally
	for _, i := range sample {
		p := a.partOf(i)
		if err := p.Read(context.Background(), values, []uint64{uint64(i - p.first), 0, 0}, []uint64{1, uint64(a.Height), uint64(a.Width)}); err != nil {
			return nil, err
		}
		marker := p.Type().marker()
		for k, v := range values {
			if v = a.plan.Count(k, v, &tally); v > 0 && values[k] < marker && finite(v) {
				mean[k] += v / float64(len(sample))
			}
		}
	}
	return mean, nil
}

// maskedBy says what masks pixels besides marks in the patterns.
func (a *Acquisition) maskedBy() string {
	var by []string
	if a.Mask != nil {
		by = append(by, "the file")
	}
	if a.loaded.Given != nil {
		by = append(by, "--mask")
	}
	if a.loaded.Dark != nil {
		by = append(by, "--dark")
	}
	if a.loaded.Flat != nil {
		by = append(by, "--flat")
	}
	if a.loaded.hot {
		by = append(by, "--hot-pixels")
	}
	return strings.Join(by, ", ")
}
