package acquisition

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ptychogo/ptycho/core/hdf5"
)

// readPair reads the patterns /dp that fold_slice and ptycho-vit write. The positions are in the same file, or in one beside it
// whose name ends in _para in place of _dp.
func readPair(a *Acquisition) error {
	d, err := a.file.Dataset("/dp")
	if err != nil {
		return err
	}
	if err := a.stack(d); err != nil {
		return err
	}
	para := a.file
	if ok, err := exists(para, "/ppX"); err != nil {
		return err
	} else if !ok {
		name := filepath.Base(a.file.Name())
		other := name
		if i := strings.LastIndex(name, "_dp."); i >= 0 {
			other = name[:i] + "_para" + name[i+len("_dp"):]
		}
		a.absent = fmt.Sprintf("fold_slice and ptycho-vit have them in a second file, whose name ends in _para in place of _dp, and %s is not there", other)
		if other == name {
			a.absent = "fold_slice and ptycho-vit have them in a second file, whose name ends in _para in place of _dp, and this name does not end in _dp"
			return nil
		}
		if para, err = a.beside(other); err != nil || para == nil {
			return err
		}
		a.Notes = append(a.Notes, "positions and geometry are those of "+para.Name())
	}
	if ok, err := exists(para, "/ppX"); err != nil {
		return err
	} else if ok {
		return a.foldSlice(para)
	}
	return a.vit(para)
}

// foldSlice reads positions in m, the wavelength and the object pixel.
func (a *Acquisition) foldSlice(f *hdf5.File) error {
	a.Format = "fold_slice"
	if err := a.vectors(f, "/ppY", "/ppX"); err != nil {
		return err
	}
	for path, to := range map[string]*float64{"/lambda": &a.Wavelength, "/dx": &a.ObjectPixel} {
		v, err := scalar(f, path)
		if err != nil {
			return err
		}
		*to = v
	}
	return nil
}

// vit reads the parameters of ptycho-vit: positions in m from the object's centre, the object pixel, the probe.
func (a *Acquisition) vit(f *hdf5.File) error {
	a.Format = "ptycho-vit"
	if err := a.vectors(f, "/probe_position_y_m", "/probe_position_x_m"); err != nil {
		return err
	}
	object, err := f.Dataset("/object")
	if err != nil {
		return err
	}
	height, _, err := attribute(object, "pixel_height_m")
	if err != nil {
		return err
	}
	if a.ObjectPixel, _, err = attribute(object, "pixel_width_m"); err != nil {
		return err
	}
	if height != 0 && (height < 0.99*a.ObjectPixel || height > 1.01*a.ObjectPixel) {
		return fmt.Errorf("%s: object pixels of %g×%g m (height, width) are not square, which is not supported", f.Name(), height, a.ObjectPixel)
	}
	if ok, err := exists(f, "/probe"); !ok || err != nil {
		return err
	}
	probe, err := f.Dataset("/probe")
	if err != nil {
		return err
	}
	return a.readProbe(probe)
}

// vectors reads the positions along y and x, in m or the unit that their attributes state.
func (a *Acquisition) vectors(f *hdf5.File, y, x string) error {
	for k, path := range []string{y, x} {
		v, err := vector(f, path)
		if err != nil {
			return err
		}
		d, err := f.Dataset(path)
		if err != nil {
			return err
		}
		if a.unit[k], err = a.unitOf(d, 1); err != nil {
			return err
		}
		scaleBy(v, a.unit[k])
		*[]*[]float64{&a.Y, &a.X}[k] = v
	}
	return nil
}

// vector reads numbers of any shape, such as [n] and [n, 1].
func vector(f *hdf5.File, path string) ([]float64, error) {
	d, err := f.Dataset(path)
	if err != nil {
		return nil, err
	}
	long := 0
	for _, n := range d.Shape() {
		if n != 1 {
			long++
		}
	}
	if long > 1 || d.Len() > maxPositions {
		return nil, fmt.Errorf("%s: %s has the shape %d, and positions need [patterns]", f.Name(), path, d.Shape())
	}
	return hdf5.ReadAll[float64](d)
}

// scalar reads one number, 0 where there is none.
func scalar(f *hdf5.File, path string) (float64, error) {
	if ok, err := exists(f, path); !ok || err != nil {
		return 0, err
	}
	d, err := f.Dataset(path)
	if err != nil {
		return 0, err
	}
	if d.Len() != 1 {
		return 0, fmt.Errorf("%s: %s has %d values, one is expected", f.Name(), path, d.Shape())
	}
	v, err := hdf5.ReadAll[float64](d)
	if err != nil {
		return 0, err
	}
	return v[0], nil
}
