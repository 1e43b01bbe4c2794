package acquisition

import (
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/physics"
)

// readCXI reads the Coherent X-ray Imaging format (F. Maia, Nature Methods 9, 854, 2012) and its extension NXcxi_ptycho. All
// units are SI; a translation has the columns x, y, z.
func readCXI(a *Acquisition) error {
	d, err := a.file.Dataset("/entry_1/data_1/data")
	if err != nil {
		return err
	}
	if err := a.stack(d); err != nil {
		return err
	}
	t, err := a.first("/entry_1/data_1/translation", "/entry_1/sample_1/geometry_1/translation", "/entry_1/instrument_1/detector_1/translation")
	if err != nil {
		return err
	}
	if t != nil {
		if err := a.columns(t, 1, 0, 1); err != nil {
			return err
		}
		if err := a.originOf(t); err != nil {
			return err
		}
	}
	if err := a.cxiBeam(); err != nil {
		return err
	}
	if err := a.cxiDetector("/entry_1/instrument_1/detector_1"); err != nil {
		return err
	}
	if dark, err := a.first("/entry_1/instrument_1/detector_1/data_dark"); err != nil {
		return err
	} else if dark != nil {
		a.Notes = append(a.Notes, "the file has a dark frame (data_dark), which is not subtracted")
	}
	p, err := a.first("/entry_1/instrument_1/source_1/illumination", "/entry_1/instrument_1/detector_1/illumination")
	if err != nil || p == nil {
		return err
	}
	return a.readProbe(p)
}

// OriginAttribute is the attribute of positions in files that ptycho writes: the (x, y) in m that is 0 in object pixels, so that the
// positions stay those of an image.
const OriginAttribute = "ptycho_origin_m"

// originOf reads the attribute of positions, or of their file.
func (a *Acquisition) originOf(o hdf5.Object) error {
	all, err := o.Attributes()
	if err != nil {
		return err
	}
	for _, x := range all {
		if x.Name != OriginAttribute {
			continue
		}
		if v, err := x.Floats(); err == nil && len(v) == 2 && finite(v[0]) && finite(v[1]) {
			a.zero = &[2]float64{v[1], v[0]}
		}
	}
	return nil
}

// cxiBeam reads the wavelength. NXcxi_ptycho stores the energy of the storage ring at source_1 and that of the photons at beam_1.
func (a *Acquisition) cxiBeam() error {
	w, err := a.physical("wavelength", entry{"/entry_1/instrument_1/source_1/wavelength", 1}, entry{"/entry_1/instrument_1/beam_1/wavelength", 1})
	if err != nil {
		return err
	}
	if w != 0 {
		a.Wavelength = w
		return nil
	}
	e, err := a.physical("energy", entry{"/entry_1/instrument_1/beam_1/energy", 1}, entry{"/entry_1/instrument_1/source_1/energy", 1}, entry{"/entry_1/sample_1/beam_1/energy", 1})
	if err != nil {
		return err
	}
	if e == 0 {
		return nil
	}
	if e > 1 { // joules of a photon are below 1e-13; beamlines also write electronvolts here
		unit := 1.0
		name := "eV"
		if e < leastEnergy {
			unit, name = 1e3, "keV"
		}
		a.Notes = append(a.Notes, fmt.Sprintf("the energy %v is taken as %s, since no photon has as many joules", e, name))
		e *= unit * electron
	}
	a.Wavelength = physics.PhotonWavelength(e)
	return nil
}

// cxiDetector reads the geometry and the mask below a group.
func (a *Acquisition) cxiDetector(group string) error {
	var err error
	if a.Distance, err = a.physical("distance", entry{group + "/distance", 1}); err != nil {
		return err
	}
	a.Distance = math.Abs(a.Distance)
	w, err := a.physical("size of a pixel", entry{group + "/x_pixel_size", 1})
	if err != nil {
		return err
	}
	h, err := a.physical("size of a pixel", entry{group + "/y_pixel_size", 1})
	if err != nil {
		return err
	}
	switch {
	case w != 0 && h != 0:
	case w != 0:
		h = w
	case h != 0:
		w = h
	default:
		if h, w, err = a.basisVectors(group + "/basis_vectors"); err != nil {
			return err
		}
	}
	a.PixelHeight, a.PixelWidth = h, w
	return a.cxiMask(group + "/mask")
}

// basisVectors returns the pixel's height and width from two vectors, the columns of [3, 2] or the rows of [2, 3].
func (a *Acquisition) basisVectors(path string) (height, width float64, err error) {
	d, err := a.first(path)
	if err != nil {
		return 0, 0, err
	}
	if d == nil {
		return 0, 0, nil
	}
	shape := d.Shape()
	if len(shape) != 2 || shape[0]*shape[1] != 6 {
		return 0, 0, fmt.Errorf("%s has the shape %d, want [3 2]", path, shape)
	}
	v, err := hdf5.ReadAll[float64](d)
	if err != nil {
		return 0, 0, err
	}
	first, second := []float64{v[0], v[2], v[4]}, []float64{v[1], v[3], v[5]}
	if shape[0] == 2 {
		first, second = v[:3], v[3:]
	}
	return length(first), length(second), nil
}

func length(v []float64) float64 { return math.Sqrt(v[0]*v[0] + v[1]*v[1] + v[2]*v[2]) }

// hasSignal is the bit of a CXI mask that does not make a pixel bad.
const hasSignal = 0x1000

func (a *Acquisition) cxiMask(path string) error {
	d, err := a.first(path)
	if err != nil || d == nil {
		return err
	}
	shape := d.Shape()
	if len(shape) != 2 || int(shape[0]) != a.Height || int(shape[1]) != a.Width {
		return fmt.Errorf("%s has the shape %d, the patterns have %d×%d pixels", path, shape, a.Height, a.Width)
	}
	bits, err := hdf5.ReadAll[int64](d)
	if err != nil {
		return err
	}
	a.Mask = make([]uint8, len(bits))
	for i, b := range bits {
		if b&^hasSignal == 0 {
			a.Mask[i] = 1
		}
	}
	return nil
}

// readI08 reads the variant of Diamond's I08-1, whose positions are one-dimensional.
func readI08(a *Acquisition) error {
	d, err := a.file.Dataset("/entry_1/data/data")
	if err != nil {
		return err
	}
	if err := a.stack(d); err != nil {
		return err
	}
	if err := a.vectors(a.file, "/entry_1/data/y", "/entry_1/data/x"); err != nil {
		return err
	}
	if err := a.cxiBeam(); err != nil {
		return err
	}
	return a.cxiDetector("/entry_1/instrument_1/detector_1")
}
