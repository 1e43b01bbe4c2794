package acquisition

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/physics"
)

// A layout is a way in which a program stores a scan.
type layout struct {
	name  string
	has   []string                         // paths that are all in a file of this layout
	lacks []string                         // paths of which none is
	is    func(f *hdf5.File) bool          // a further condition; may be nil
	read  func(a *Acquisition) (err error) // fills the description
}

// layouts returns all of them. Their conditions exclude each other for the files of each program; the first applies.
func layouts() []layout {
	all := []layout{
		{name: "CXI", has: []string{"/entry_1/data_1/data"}, read: readCXI},
		{name: "NXcxi_ptycho", has: []string{"/entry_1/data/data"}, lacks: []string{"/entry_1/data_1/data"}, read: readI08},
		{name: "ptypy", has: []string{"/chunks/0/data"}, read: readPtyd},
		{name: "PtyLab", has: []string{"/ptychogram"}, read: readPtyLab},
		{name: "NSLS-II", has: []string{"/diffamp"}, read: readNSLS},
		{name: "Eiger", has: []string{"/entry/data/data_000001", "/entry/instrument/detector"}, read: readEiger},
		{name: "Ptychodus", has: []string{"/patterns", "/indexes", "/bad_pixels"}, read: readPtychodus},
		{name: "fold_slice", has: []string{"/dp"}, lacks: []string{"/positions"}, read: readPair},
		{name: "py4DSTEM", is: isEMD, read: readEMD},
		{name: "NSLS-II MATLAB", has: []string{"/det_data", "/pos_xy"}, read: readMATLAB},
	}
	for _, b := range beamlines() {
		all = append(all, layoutOf(b))
	}
	return all
}

// matches reports whether a file has the layout.
func (l layout) matches(f *hdf5.File) (bool, error) {
	for _, path := range l.has {
		if ok, err := exists(f, path); !ok || err != nil {
			return false, err
		}
	}
	for _, path := range l.lacks {
		if ok, err := exists(f, path); ok || err != nil {
			return false, err
		}
	}
	return l.is == nil || l.is(f), nil
}

// exists reports whether a path is in the file, be it as a link that leads nowhere.
func exists(f *hdf5.File, path string) (bool, error) {
	_, err := f.Open(path)
	var broken *hdf5.PathError
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case errors.As(err, &broken):
		return true, nil
	}
	return false, err
}

// slug returns the name of a layout as --format takes it.
func slug(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", "-") }

// Formats returns the names of the layouts of HDF5 for Given.Format.
func Formats() []string {
	var all []string
	for _, l := range layouts() {
		all = append(all, slug(l.name))
	}
	return all
}

// electron is an electronvolt in J.
const electron = physics.ElectronVolt

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

// maxPixels bounds the pixels of a pattern.
const maxPixels = 1 << 26

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
	if uint64(h)*uint64(w) > maxPixels {
		return fmt.Errorf("%s has patterns of %d×%d pixels, more than %d", d.Name(), h, w, maxPixels)
	}
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

// columns reads two columns of a table [n, k] in a unit of m, or in that of its attribute "units".
func (a *Acquisition) columns(d *hdf5.Dataset, y, x int, unit float64) error {
	shape := d.Shape()
	if d.Type().Kind == hdf5.Array || len(shape) != 2 || shape[1] <= uint64(max(x, y)) || shape[0] > maxPositions || shape[1] > 16 {
		return fmt.Errorf("%s has the shape %d, and positions need [positions, %d or more]", d.Path(), shape, max(x, y)+1)
	}
	all, err := hdf5.ReadAll[float64](d)
	if err != nil {
		return err
	}
	if unit, err = a.unitOf(d, unit); err != nil {
		return err
	}
	a.unit = [2]float64{unit, unit}
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
	count := d.Shape()
	if len(shape) == 4 && shape[0] > 0 { // variations of the probe over the scan, of which the first is the mean
		a.Notes = append(a.Notes, fmt.Sprintf("of the %d variations of the probe %s the first is used", shape[0], d.Name()))
		count[len(count)-4] = 1
		shape = shape[1:]
	}
	if len(shape) != 3 || shape[0] > 64 || shape[1] > maxProbe || shape[2] > maxProbe || shape[0]*shape[1]*shape[2] > maxProbe {
		a.Notes = append(a.Notes, fmt.Sprintf("the probe %s is not used, because its shape is %d", d.Name(), d.Shape()))
		return nil
	}
	probe := make([]complex128, shape[0]*shape[1]*shape[2])
	if err := d.Read(context.Background(), probe, make([]uint64, len(count)), count); err != nil {
		return err
	}
	a.Probe, a.Modes, a.probeShape = probe, int(shape[0]), [2]int{int(shape[1]), int(shape[2])}
	return nil
}
