package acquisition

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"

	"github.com/ptychogo/ptycho/core/hdf5"
)

// A layout is a way in which a program stores a scan.
type layout struct {
	name string
	mark string // a path that only files of this layout have
	read func(*Acquisition) error
}

// layouts, the first whose mark is there applies.
var layouts = []layout{
	{"CXI", "/entry_1/data_1/data", readCXI},
	{"NXcxi_ptycho", "/entry_1/data/data", readI08},
	{"ptypy", "/chunks/0/data", readPtyd},
	{"PtyLab", "/ptychogram", readPtyLab},
	{"NSLS-II", "/diffamp", readNSLS},
}

func names() string {
	var all []string
	for _, l := range layouts {
		all = append(all, l.name)
	}
	return strings.Join(all, ", ")
}

// listed is the number of datasets that an error names.
const listed = 12

// contents names the largest part of a file's datasets.
func contents(f *hdf5.File) string {
	var all []string
	more := 0
	err := f.Walk(func(path string, o hdf5.Object, _ hdf5.Link, _ error) error {
		if d, ok := o.(*hdf5.Dataset); ok {
			if len(all) < listed {
				all = append(all, fmt.Sprintf("%s %d %s", path, d.Shape(), d.Type()))
			} else {
				more++
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return "an error: " + err.Error()
	case len(all) == 0:
		return "no datasets"
	case more > 0:
		return fmt.Sprintf("%s and %d more", strings.Join(all, ", "), more)
	}
	return strings.Join(all, ", ")
}

// Constants of nature (CODATA 2018, exact).
const (
	planck     = 6.62607015e-34 // J s
	lightSpeed = 299792458      // m/s
	electron   = 1.602176634e-19
)

// photon returns the wavelength of photons of that energy in joules.
func photon(energy float64) float64 { return planck * lightSpeed / energy }

// first opens the first of several datasets that exists; nil if none does.
func (a *Acquisition) first(paths ...string) (*hdf5.Dataset, error) {
	for _, p := range paths {
		d, err := a.file.Dataset(p)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return d, err
	}
	return nil, nil
}

// number reads the first of several scalars that exists; ok is false if none does.
func (a *Acquisition) number(paths ...string) (v float64, ok bool, err error) {
	d, err := a.first(paths...)
	if err != nil || d == nil {
		return 0, false, err
	}
	if d.Len() != 1 {
		return 0, false, fmt.Errorf("%s has %d values, one is expected", d.Path(), d.Shape())
	}
	all, err := hdf5.ReadAll[float64](d)
	if err != nil {
		return 0, false, err
	}
	return all[0], true, nil
}

// value is number for values that a flag can replace: 0 where the file has none.
func (a *Acquisition) value(paths ...string) (float64, error) {
	v, _, err := a.number(paths...)
	return v, err
}

// stack adds a dataset of patterns, as add does.
func (a *Acquisition) stack(d *hdf5.Dataset) error { return a.add(dataset{d}) }

// add adds an array of patterns [n, H, W] or [lines, points, H, W].
func (a *Acquisition) add(d Array) error {
	shape := d.Shape()
	if len(shape) != 3 && len(shape) != 4 {
		return fmt.Errorf("%s has the shape %d, and patterns need [patterns, rows, columns] or [lines, points, rows, columns]", d.Name(), shape)
	}
	for _, n := range shape {
		if n > math.MaxInt32 {
			return fmt.Errorf("%s has the shape %d", d.Name(), shape)
		}
	}
	if len(shape) == 4 {
		d = joined{d}
		if shape = d.Shape(); shape[0] > math.MaxInt32 {
			return fmt.Errorf("%s has %d patterns", d.Name(), shape[0])
		}
	}
	h, w := int(shape[1]), int(shape[2])
	if len(a.parts) > 0 && (h != a.Height || w != a.Width) {
		return fmt.Errorf("%s has patterns of %d×%d pixels, others have %d×%d", d.Name(), h, w, a.Height, a.Width)
	}
	if len(a.parts) > 0 && d.Type() != a.parts[0].Type() {
		return fmt.Errorf("%s has patterns of type %s, others have %s", d.Name(), d.Type(), a.parts[0].Type())
	}
	a.Height, a.Width = h, w
	a.parts = append(a.parts, part{d, a.Patterns, int(shape[0])})
	a.Patterns += int(shape[0])
	return nil
}

// maxPositions bounds the positions of a file.
const maxPositions = 1 << 26

// columns reads two columns of a table [n, k] in units of m.
func (a *Acquisition) columns(d *hdf5.Dataset, y, x int, unit float64) error {
	shape := d.Shape()
	if d.Type().Kind == hdf5.Array || len(shape) != 2 || shape[1] <= uint64(max(x, y)) || shape[0] > maxPositions || shape[1] > 16 {
		return fmt.Errorf("%s has the shape %d, and positions need [positions, %d or more]", d.Path(), shape, max(x, y)+1)
	}
	all, err := hdf5.ReadAll[float64](d)
	if err != nil {
		return err
	}
	k := int(shape[1])
	for i := 0; i < len(all); i += k {
		a.Y, a.X = append(a.Y, unit*all[i+y]), append(a.X, unit*all[i+x])
	}
	return nil
}

// maxProbe bounds the values of a probe: 16 modes of 1024².
const maxProbe = 1 << 24

// readProbe reads a dataset as probe, as takeProbe does.
func (a *Acquisition) readProbe(d *hdf5.Dataset) error { return a.takeProbe(dataset{d}) }

// takeProbe reads a probe [H, W] or [modes, H, W], with leading dimensions of 1 left out.
func (a *Acquisition) takeProbe(d Array) error {
	shape := d.Shape()
	for len(shape) > 2 && shape[0] == 1 {
		shape = shape[1:]
	}
	if len(shape) == 2 {
		shape = append([]uint64{1}, shape...)
	}
	if len(shape) != 3 || shape[0] > 64 || shape[1] > maxProbe || shape[2] > maxProbe || shape[0]*shape[1]*shape[2] > maxProbe {
		a.Notes = append(a.Notes, fmt.Sprintf("the probe %s is not used, because its shape is %d", d.Name(), d.Shape()))
		return nil
	}
	values := make([]complex128, shape[0]*shape[1]*shape[2])
	if err := d.Read(context.Background(), values, make([]uint64, len(d.Shape())), d.Shape()); err != nil {
		return err
	}
	a.Probe, a.Modes, a.probeShape = values, int(shape[0]), [2]int{int(shape[1]), int(shape[2])}
	return nil
}
