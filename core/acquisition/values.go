package acquisition

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/internal/words"
)

// An entry is a number of a file. Its path may end in @ and the name of an attribute. An attribute "units" of the dataset
// replaces the unit.
type entry struct {
	path string
	unit float64 // m or J
}

// units are the names of units in files, besides those of flags.
var units = map[string]float64{"meter": 1, "metre": 1, "meters": 1, "millimeter": 1e-3, "mm.": 1e-3, "micron": 1e-6, "microns": 1e-6,
	"micrometer": 1e-6, "micrometers": 1e-6, "nanometer": 1e-9, "nanometers": 1e-9, "angstrom": 1e-10, "Angstrom": 1e-10, "angstroms": 1e-10,
	"eV": electron, "ev": electron, "keV": 1e3 * electron, "kev": 1e3 * electron, "J": 1, "joule": 1}

// unitNamed returns a unit in m or J; 0 for other names.
func unitNamed(name string) float64 {
	name = strings.TrimSpace(name)
	if u, err := physics.ParseLengthUnit(name); err == nil {
		return u
	}
	return units[name]
}

// physical returns the first of several numbers that is there, finite and not 0, in m or J; 0 where none is. kind is for messages.
func (a *Acquisition) physical(kind string, all ...entry) (float64, error) {
	for _, q := range all {
		v, unit, err := a.firstValue(q.path)
		if err != nil {
			return 0, err
		}
		if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		factor := q.unit
		if u := unitNamed(unit); u > 0 {
			factor = u
		} else if unit != "" {
			a.Notes = append(a.Notes, fmt.Sprintf("the unit %q of %s is not known; the %s is taken as %.6g m or J", words.Name(unit), q.path, kind, factor*v))
		}
		return factor * v, nil
	}
	return 0, nil
}

// firstValue returns the first value of a dataset or attribute, and the text of its unit.
func (a *Acquisition) firstValue(path string) (value float64, unit string, err error) {
	path, name, isAttribute := strings.Cut(path, "@")
	o, err := a.file.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, "", nil
	}
	if err != nil {
		return 0, "", err
	}
	if isAttribute {
		value, _, err = attribute(o, name)
		return value, "", err
	}
	d, ok := o.(*hdf5.Dataset)
	if !ok || d.Len() == 0 {
		return 0, "", nil
	}
	start, count := make([]uint64, len(d.Shape())), make([]uint64, len(d.Shape()))
	for i := range count {
		count[i] = 1
	}
	v := make([]float64, 1)
	if err := hdf5.Read(d, v, start, count); err != nil {
		return 0, "", err
	}
	unit, err = attributeText(d, "units")
	return v[0], unit, err
}

// attribute returns the first value of a numeric attribute.
func attribute(o hdf5.Object, name string) (value float64, ok bool, err error) {
	all, err := o.Attributes()
	if err != nil {
		return 0, false, err
	}
	for _, at := range all {
		if at.Name != name {
			continue
		}
		v, err := at.Floats()
		if err != nil || len(v) == 0 {
			return 0, false, err
		}
		return v[0], true, nil
	}
	return 0, false, nil
}

// attributeText returns the text of an attribute, "" where it has none.
func attributeText(o hdf5.Object, name string) (string, error) {
	all, err := o.Attributes()
	if err != nil {
		return "", err
	}
	for _, at := range all {
		if at.Name != name || at.Type.Kind != hdf5.String && at.Type.Kind != hdf5.VarString {
			continue
		}
		v, err := at.Strings()
		if err != nil || len(v) == 0 {
			return "", err
		}
		return v[0], nil
	}
	return "", nil
}

// text returns the text of a dataset, "" where it has none.
func (a *Acquisition) text(path string) (string, error) {
	d, err := a.first(path)
	if err != nil || d == nil || d.Len() != 1 || d.Type().Kind != hdf5.String && d.Type().Kind != hdf5.VarString {
		return "", err
	}
	v, err := d.Strings()
	if err != nil || len(v) == 0 {
		return "", err
	}
	return v[0], nil
}

// badPixels reads the first mask that is there, in which any number but 0 marks a bad pixel.
func (a *Acquisition) badPixels(paths ...string) error {
	d, err := a.first(paths...)
	if err != nil || d == nil {
		return err
	}
	shape := d.Shape()
	if len(shape) != 2 || int(shape[0]) != a.Height || int(shape[1]) != a.Width {
		return fmt.Errorf("%s has the shape %d, the patterns have %d×%d pixels", d.Path(), shape, a.Height, a.Width)
	}
	bits, err := hdf5.ReadAll[int64](d)
	if err != nil {
		return err
	}
	a.Mask = make([]uint8, len(bits))
	for i, b := range bits {
		if b == 0 {
			a.Mask[i] = 1
		}
	}
	return nil
}

// beamCentre reads the detector pixel of the direct beam. Programs write 0 where they do not know it.
func (a *Acquisition) beamCentre(row, column string) error {
	y, _, err := a.firstValue(row)
	if err != nil {
		return err
	}
	x, _, err := a.firstValue(column)
	if err != nil || !(y > 0 && x > 0) {
		return err
	}
	if y >= float64(a.Height) || x >= float64(a.Width) {
		a.Notes = append(a.Notes, fmt.Sprintf("the file's beam centre (%.5g, %.5g) (row, column) is outside of the patterns and is not used", y, x))
		return nil
	}
	a.centre = &[2]int{int(y), int(x)}
	return nil
}
