package acquisition

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/physics"
)

// A beamline is a row of the table of paths by which a facility's files are read.
type beamline struct {
	name    string
	has     []string // see layout
	lacks   []string
	data    []string   // the patterns: the first that is there
	y, x    []position // along rows and columns; the first that is there
	absent  string     // where the positions are that the file does not have
	energy  []entry    // of photons, J
	lambda  []entry    // m
	z       []entry    // distance of the detector, m; its sign is dropped
	pixel   []entry    // m, of the detector
	centreY string     // pixel of the beam, row
	centreX string
	mask    []string // other than 0 is bad
	note    string   // what a user must know
}

// A position is a dataset with coordinates: [n], one for each scan row or column, or a column of a table. An attribute "units" of
// the dataset replaces the unit.
type position struct {
	path   string
	column int     // of a table [n, k] or [k, n]; -1: not a table
	unit   float64 // m, negative where the axis is reversed
}

// layoutOf makes a layout of a row.
func layoutOf(b beamline) layout {
	return layout{name: b.name, has: b.has, lacks: b.lacks, read: func(a *Acquisition) error { return a.readBeamline(b) },
		is: func(f *hdf5.File) bool { return firstStack(f, b.data) != "" }}
}

// leastEnergy is the smallest energy in eV of photons that a file is taken to mean.
const leastEnergy = 30

// firstStack returns the first path of patterns: a dataset of three or four dimensions, or a link that leads nowhere.
func firstStack(f *hdf5.File, paths []string) string {
	for _, p := range paths {
		d, err := f.Dataset(p)
		if err != nil && !errors.Is(err, fs.ErrNotExist) || err == nil && (len(d.Shape()) == 3 || len(d.Shape()) == 4) {
			return p
		}
	}
	return ""
}

func (a *Acquisition) readBeamline(b beamline) error {
	path := firstStack(a.file, b.data)
	if path == "" {
		return fmt.Errorf("has no patterns at %s", strings.Join(b.data, " or "))
	}
	d, err := a.file.Dataset(path)
	if err != nil {
		return err
	}
	if err := a.stack(d); err != nil {
		return err
	}
	if a.absent = b.absent; a.absent == "" && b.y != nil {
		a.absent = fmt.Sprintf("%s has them at %s and %s", b.name, b.y[0].path, b.x[0].path)
	}
	if a.Y, err = a.along(b.y, &a.unit[0]); err != nil {
		return err
	}
	if a.X, err = a.along(b.x, &a.unit[1]); err != nil {
		return err
	}
	a.spread(d.Shape())
	energy, err := a.physical("energy", b.energy...)
	if err != nil {
		return err
	}
	if energy > 0 && energy < leastEnergy*electron { // no diffraction of light: the number is in keV, as older files have it
		a.Notes = append(a.Notes, fmt.Sprintf("the energy of %.5g eV is taken as keV", energy/electron))
		energy *= 1e3
	}
	if a.Wavelength, err = a.physical("wavelength", b.lambda...); err != nil {
		return err
	}
	if a.Wavelength == 0 && energy > 0 {
		a.Wavelength = physics.PhotonWavelength(energy)
	}
	if a.Distance, err = a.physical("distance", b.z...); err != nil {
		return err
	}
	a.Distance = math.Abs(a.Distance)
	if a.PixelHeight, err = a.physical("size of a pixel", b.pixel...); err != nil {
		return err
	}
	a.PixelWidth = a.PixelHeight
	if b.centreY != "" {
		if err := a.beamCentre(b.centreY, b.centreX); err != nil {
			return err
		}
	}
	if b.note != "" {
		a.Notes = append(a.Notes, b.note)
	}
	return a.badPixels(b.mask...)
}

// along reads the first positions that are there, in m, and sets the unit of the file's numbers; nil where none are.
func (a *Acquisition) along(all []position, unit *float64) ([]float64, error) {
	for _, p := range all {
		d, err := a.file.Dataset(p.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if *unit, err = a.unitOf(d, math.Abs(p.unit)); err != nil {
			return nil, err
		}
		v, err := a.coordinates(d, p.column)
		if err != nil {
			return nil, err
		}
		scaleBy(v, math.Copysign(*unit, p.unit))
		return v, nil
	}
	return nil, nil
}

// coordinates reads one dimension, a readback of the size of the scan, or a column of a table.
func (a *Acquisition) coordinates(d *hdf5.Dataset, column int) ([]float64, error) {
	if column >= 0 {
		v, _, err := a.positions(fmt.Sprintf("%s:%d", d.Path(), column))
		return v, err
	}
	if shape := d.Shape(); len(shape) > 2 || d.Len() > maxPositions {
		return nil, fmt.Errorf("%s has the shape %d, and positions need [patterns]", d.Path(), shape)
	}
	return hdf5.ReadAll[float64](d)
}

// spread gives every pattern of a raster its position where the file has one for each scan row and each scan column.
func (a *Acquisition) spread(shape []uint64) {
	rows, columns := len(a.Y), len(a.X)
	if rows == a.Patterns && columns == a.Patterns || rows == 0 || columns == 0 || rows > maxPositions/columns || rows*columns != a.Patterns {
		return
	}
	if len(shape) == 4 && (shape[0] != uint64(rows) || shape[1] != uint64(columns)) {
		return
	}
	y, x := a.Y, a.X
	a.Y, a.X = make([]float64, 0, a.Patterns), make([]float64, 0, a.Patterns)
	for _, r := range y {
		for _, c := range x {
			a.Y, a.X = append(a.Y, r), append(a.X, c)
		}
	}
	a.Notes = append(a.Notes, fmt.Sprintf("the positions are those of a raster of %d×%d (rows×columns), row by row", rows, columns))
}
