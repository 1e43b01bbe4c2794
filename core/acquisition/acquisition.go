// Package acquisition reads scans as facilities store them: HDF5 files in the layouts of programs and beamlines,
// with positions in metres and the geometry that turns them into object pixels.
//
// It is a package of its own because it maps foreign files to one description, whatever the scan is then used for.
package acquisition

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/core/prepare"
	"github.com/ptychogo/ptycho/core/scan"
)

// An Acquisition is an open scan file. Its positions are those of the file, in the file's directions.
type Acquisition struct {
	Path     string
	Format   string // name of the layout, such as CXI
	Patterns int
	Height   int // of a pattern, pixels
	Width    int

	Y, X        []float64 // [Patterns] m, along the detector's rows (y) and columns (x)
	Wavelength  float64   // m
	Distance    float64   // m, sample to detector
	PixelHeight float64   // m, of the detector
	PixelWidth  float64   // m
	ObjectPixel float64   // m, of the largest square, where it is given in place of distance and detector pixel; else 0

	Mask  []uint8      // [Height, Width] 1 for a valid pixel; nil: all valid
	Probe []complex128 // [Modes, probe height, probe width]; nil if the file has none
	Modes int
	Notes []string // decisions and assumptions, one sentence each

	unit         [2]float64  // m, of the numbers in the file for positions along y and x; 0: metres
	zero         *[2]float64 // m, the position (y, x) that becomes 0; nil: the smallest
	probeShape   [2]int
	loaded       Loaded // of the preparation
	plan         *prepare.Plan
	settled      bool       // by settle
	file         *hdf5.File // nil for other formats
	main         container  // the file
	open         []io.Closer
	others       map[string]container // files that paths name
	fieldChecked bool                 // by checkField
	nearField    string               // why the scan is known to be near field, ""
	absent       string               // where the positions of this layout are, for messages
	centre       *[2]int              // of the beam, detector pixel (row, column); nil: the middle
	moved        int                  // links of file that are in Notes
	parts        []part
	amplitudes   bool // the patterns are square roots of counts
	chosen       bool // by Values
}

// fileOf returns the file with the patterns of a batch folder of Ptychodus, and path itself for others.
func fileOf(path string) string {
	inside := filepath.Join(path, diffractionName)
	if st, err := os.Stat(inside); err == nil && st.Mode().IsRegular() {
		return inside
	}
	return path
}

func open(path, format string) (*Acquisition, error) {
	f, err := hdf5.Open(fileOf(path))
	if err != nil {
		return nil, err
	}
	a, err := recognise(f, format)
	if err != nil {
		f.Close()
		return nil, err
	}
	return a, nil
}

// Joined returns the paths of the HDF5 files that have been read so far: the file, those that its layout has beside it, and those of
// links and virtual datasets.
func (a *Acquisition) Joined() []string {
	var names []string
	for _, c := range a.open {
		switch f := c.(type) {
		case *hdf5.File:
			names = append(append(names, f.Name()), f.Linked()...)
		case hdf5File:
			names = append(append(names, f.Name()), f.Linked()...)
		}
	}
	return names
}

// Close closes the files.
func (a *Acquisition) Close() error {
	var err error
	for _, f := range a.open {
		err = errors.Join(err, f.Close())
	}
	return err
}

// recognise reads the description of a file whose layout is that of the given name, or the first that it has.
func recognise(f *hdf5.File, name string) (*Acquisition, error) {
	for _, l := range layouts() {
		if name == "" {
			if ok, err := l.matches(f); err != nil {
				return nil, err
			} else if !ok {
				continue
			}
		} else if slug(l.name) != slug(name) {
			continue
		}
		a := &Acquisition{Path: f.Name(), Format: l.name, file: f, main: hdf5File{f}, open: []io.Closer{f}}
		if err := l.read(a); err != nil {
			for _, f := range a.open[1:] { // the caller closes the first
				f.Close()
			}
			return nil, fmt.Errorf("%s: read as %s: %w", f.Name(), l.name, err)
		}
		a.noteMoved()
		return a, nil
	}
	if name != "" {
		return nil, fmt.Errorf("%s: unknown format %q: want one of %s", f.Name(), name, strings.Join(Formats(), ", "))
	}
	return nil, unknown(f)
}

// noteMoved states which files were found beside this one, and not where its links say.
func (a *Acquisition) noteMoved() {
	if a.file == nil {
		return
	}
	for _, name := range a.file.Moved()[a.moved:] {
		a.Notes = append(a.Notes, fmt.Sprintf("a link to the file %s is taken to the file of that name in the folder of the scan", name))
		a.moved++
	}
}

// check returns an error unless the parts of the description fit each other.
func (a *Acquisition) check() error {
	if a.Patterns == 0 || a.Height == 0 || a.Width == 0 {
		return fmt.Errorf("%s: has no patterns", a.Path)
	}
	if a.nearField != "" {
		return a.refuseNearField()
	}
	if a.Y == nil || a.X == nil {
		return a.noPositions()
	}
	if len(a.Y) != a.Patterns || len(a.X) != a.Patterns {
		return fmt.Errorf("%s: has %d patterns but %d positions", a.Path, a.Patterns, len(a.Y))
	}
	for i := range a.Y {
		if !finite(a.Y[i]) || !finite(a.X[i]) {
			return fmt.Errorf("%s: position %d is (%v, %v) m (y, x); leave the pattern out with --rows", a.Path, i, a.Y[i], a.X[i])
		}
	}
	for _, q := range []struct {
		name, flag string
		value      float64 // m
		possible   physics.Possible
	}{
		{"wavelength", "energy or --wavelength", a.Wavelength, physics.PossibleWavelength},
		{"distance of the detector", "distance", a.Distance, physics.PossibleDistance},
		{"height of a detector pixel", "detector-pixel-size", a.PixelHeight, physics.PossibleDetectorPixel},
		{"width of a detector pixel", "detector-pixel-size", a.PixelWidth, physics.PossibleDetectorPixel},
	} {
		if q.value == 0 && a.ObjectPixel > 0 {
			continue
		}
		if q.value == 0 {
			return fmt.Errorf("%s: does not say the %s; give it with --%s, or the object pixel with --pixel-size", a.Path, q.name, q.flag)
		}
		if !q.possible.Has(q.value) {
			return fmt.Errorf("%s: the %s is %v m, which no ptychography has; correct the file or the flag", a.Path, q.name, q.value)
		}
	}
	return a.checkObjectPixel()
}

// checkObjectPixel returns an error if the object pixel that the file says is impossible, or not the one of the geometry.
func (a *Acquisition) checkObjectPixel() error {
	stated := a.ObjectPixel
	if stated == 0 {
		return nil
	}
	if !physics.PossibleObjectPixel.Has(stated) {
		return fmt.Errorf("%s: the object pixel is %v m, which no ptychography has; correct the file or --pixel-size", a.Path, stated)
	}
	if a.Wavelength == 0 || a.Distance == 0 || a.PixelWidth == 0 {
		return nil
	}
	b := *a
	b.ObjectPixel = 0
	if _, computed := b.pixelSize(a.largest()); math.Abs(computed/stated-1) > 0.01 {
		return fmt.Errorf("%s: the file says object pixels of %.5g nm, but wavelength, distance and detector pixel give %.5g nm; leave the flag out that differs", a.Path, 1e9*stated, 1e9*computed)
	}
	return nil
}

// noPositions says how to give the positions.
func (a *Acquisition) noPositions() error {
	where := a.absent
	if where == "" {
		where = "there are none where " + a.Format + " has them"
	}
	return fmt.Errorf("%s: read as %s, it has no positions: %s; give %d of them with --y-path FILE:/PATH --x-path FILE:/PATH --position-units UNIT", a.Path, a.Format, where, a.Patterns)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Limits of the side of the patterns, those of an npz file.
const (
	MinSide = 16
	MaxSide = 1024
)

// A window is a square of the detector.
type window struct{ top, left, side int }

// window returns the largest square in the part of the detector that is read, which begins at the same pixel.
func (a *Acquisition) window() window {
	return window{a.plan.Top, a.plan.Left, min(a.plan.Height, a.plan.Width) / 2 * 2}
}

// largest returns the side of the largest square.
func (a *Acquisition) largest() int { return min(a.Height, a.Width) / 2 * 2 }

// N returns the side of the patterns that Read returns.
func (a *Acquisition) N() int { return a.plan.N }

// pixelSize returns the object pixel in metres for patterns of n detector pixels, along y and x: λz/(n·p), the sampling of the
// discrete Fourier transform.
func (a *Acquisition) pixelSize(n int) (y, x float64) {
	if a.ObjectPixel > 0 {
		size := a.ObjectPixel * (float64(a.largest()) / float64(n))
		return size, size
	}
	return a.Wavelength * a.Distance / (float64(n) * a.PixelHeight), a.Wavelength * a.Distance / (float64(n) * a.PixelWidth)
}

// PreparedPixel returns the object pixel in metres of the patterns that Read returns, to the last bit as a converted file gives it.
func (a *Acquisition) PreparedPixel() (y, x float64) {
	if a.ObjectPixel > 0 {
		return a.pixelSize(a.plan.Wide())
	}
	b := *a
	b.PixelHeight, b.PixelWidth = a.PixelHeight*float64(a.plan.Bin), a.PixelWidth*float64(a.plan.Bin)
	return b.pixelSize(a.plan.N)
}

// Read returns the patterns with the given numbers, ascending, as a scan in object pixels, the smallest position at 0 unless the file
// says what is at 0.
// Pixels that the file marks (by a mask, by the largest value of its type, or by a negative number) are masked.
func (a *Acquisition) Read(ctx context.Context, rows []int, probe bool) (*scan.Scan, error) {
	return a.Store(ctx, rows, probe, scan.Storage{})
}

// Store is Read with the patterns where storage says.
func (a *Acquisition) Store(ctx context.Context, rows []int, probe bool, storage scan.Storage) (*scan.Scan, error) {
	s, err := a.Frame(rows, probe)
	if err != nil {
		return nil, err
	}
	return s, a.readCounts(ctx, s, storage)
}

// Frame is Read without the counts and the mask, which Each completes.
func (a *Acquisition) Frame(rows []int, probe bool) (*scan.Scan, error) {
	if err := a.settle(); err != nil {
		return nil, err
	}
	n := a.plan.N
	if n < MinSide || n > MaxSide {
		return nil, fmt.Errorf("%s: patterns have %d×%d pixels, and sides from %d to %d are read; take the middle with --crop", a.Path, a.Height, a.Width, MinSide, MaxSide)
	}
	dy, dx := a.PreparedPixel()
	if math.Abs(dy-dx) > 0.01*dx {
		return nil, fmt.Errorf("%s: detector pixels of %.4g×%.4g µm (height, width) give object pixels that are not square, which is not supported", a.Path, 1e6*a.PixelHeight, 1e6*a.PixelWidth)
	}
	s := &scan.Scan{Source: a.Path, Format: a.Format, N: n, Index: rows, PixelSize: dx, Geometry: scan.Geometry{Wavelength: a.Wavelength, Distance: a.Distance, DetectorPixel: a.PixelWidth * float64(a.plan.Bin)}}
	y0, x0 := math.Inf(1), math.Inf(1)
	for i := range a.Y {
		y0, x0 = min(y0, a.Y[i]), min(x0, a.X[i])
	}
	if a.zero != nil {
		y0, x0 = a.zero[0], a.zero[1]
	}
	for _, r := range rows {
		s.Rows, s.Cols = append(s.Rows, (a.Y[r]-y0)/dy), append(s.Cols, (a.X[r]-x0)/dx)
	}
	s.Notes = append(s.Notes, a.describe(dx))
	s.Notes = append(s.Notes, a.Notes...)
	s.Notes = append(s.Notes, a.loaded.Notes...)
	if side := a.plan.Side; side != a.Height || side != a.Width {
		s.Notes = append(s.Notes, fmt.Sprintf("of the detector's %d×%d pixels (rows×columns) %d×%d around %s are used", a.Height, a.Width, side, side, a.loaded.Where))
	}
	s.Notes = append(s.Notes, a.plan.Notes()...)
	if a.Probe != nil && probe {
		if err := a.setProbe(s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// describe states the geometry in one sentence.
func (a *Acquisition) describe(pixel float64) string {
	if a.ObjectPixel > 0 {
		return fmt.Sprintf("%s file: object pixels of %.5g nm for %d detector pixels, as given; positions are taken in the file's directions", a.Format, 1e9*pixel, a.plan.Wide())
	}
	return fmt.Sprintf("%s file: wavelength %.5g nm, distance %.5g m, detector pixels of %.4g µm, so %d pixels give object pixels of %.5g nm; positions are taken in the file's directions",
		a.Format, 1e9*a.Wavelength, a.Distance, 1e6*a.PixelWidth, a.plan.Wide(), 1e9*pixel)
}
