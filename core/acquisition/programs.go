package acquisition

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/physics"
)

// readPtyd reads the prepared data of ptypy: chunks of patterns with positions in m (row, column), energy in keV.
func readPtyd(a *Acquisition) error {
	for k := 0; ; k++ {
		chunk := fmt.Sprintf("/chunks/%d", k)
		d, err := a.file.Dataset(chunk + "/data")
		if errors.Is(err, fs.ErrNotExist) && k > 0 {
			break
		}
		if err != nil {
			return err
		}
		if err := a.stack(d); err != nil {
			return err
		}
		p, err := a.file.Dataset(chunk + "/positions")
		if err != nil {
			return err
		}
		if err := a.columns(p, 0, 1, 1); err != nil {
			return err
		}
		if err := a.originOf(p); err != nil {
			return err
		}
	}
	energy, err := a.value("/meta/energy", "/info/energy")
	if err != nil {
		return err
	}
	if energy > 0 {
		a.Wavelength = physics.PhotonWavelength(1e3 * energy * electron)
	}
	if a.Distance, err = a.value("/meta/distance", "/info/distance"); err != nil {
		return err
	}
	pixel, err := a.first("/meta/psize", "/info/psize")
	if err != nil {
		return err
	}
	if err := a.weights("/meta/weight2d"); err != nil || pixel == nil {
		return err
	}
	size, err := hdf5.ReadAll[float64](pixel)
	if err != nil {
		return err
	}
	if len(size) == 0 || len(size) > 2 {
		return fmt.Errorf("%s has %d values, one or two are expected", pixel.Path(), len(size))
	}
	a.PixelHeight, a.PixelWidth = size[0], size[len(size)-1]
	return nil
}

// weights takes pixels of weight 0 as bad.
func (a *Acquisition) weights(path string) error {
	d, err := a.first(path)
	if err != nil || d == nil {
		return err
	}
	if shape := d.Shape(); len(shape) != 2 || shape[0] != uint64(a.Height) || shape[1] != uint64(a.Width) {
		a.Notes = append(a.Notes, fmt.Sprintf("%s is not used, because its shape is %d", path, shape))
		return nil
	}
	w, err := hdf5.ReadAll[float64](d)
	if err != nil {
		return err
	}
	a.Mask = make([]uint8, len(w))
	for i, v := range w {
		if v > 0 {
			a.Mask[i] = 1
		}
	}
	return nil
}

// readPtyLab reads PtyLab's file: positions in m, which its simulator and its documentation order differently.
func readPtyLab(a *Acquisition) error {
	d, err := a.file.Dataset("/ptychogram")
	if err != nil {
		return err
	}
	if err := a.stack(d); err != nil {
		return err
	}
	e, err := a.file.Dataset("/encoder")
	if err != nil {
		return err
	}
	if err := a.columns(e, 0, 1, 1); err != nil {
		return err
	}
	a.Notes = append(a.Notes, "encoder is read as (row, column); PtyLab's documentation says (x, y), its simulator writes rows first")
	if a.Wavelength, err = a.value("/wavelength"); err != nil {
		return err
	}
	if a.Distance, err = a.value("/zo"); err != nil {
		return err
	}
	a.PixelHeight, err = a.value("/dxd")
	a.PixelWidth = a.PixelHeight
	return err
}

// readNSLS reads the files of NSLS-II's reconstruction programs: square roots of counts, positions [2, n] in µm.
func readNSLS(a *Acquisition) error {
	d, err := a.file.Dataset("/diffamp")
	if err != nil {
		return err
	}
	a.amplitudes = true
	if err := a.stack(d); err != nil {
		return err
	}
	p, err := a.file.Dataset("/points")
	if err != nil {
		return err
	}
	if shape := p.Shape(); len(shape) != 2 || shape[0] != 2 || shape[1] > maxPositions {
		return fmt.Errorf("/points has the shape %d, want [2 positions]", shape)
	}
	all, err := hdf5.ReadAll[float64](p)
	if err != nil {
		return err
	}
	unit, err := a.unitOf(p, um)
	if err != nil {
		return err
	}
	n := len(all) / 2
	scaleBy(all, unit)
	a.X, a.Y, a.unit = all[:n:n], all[n:2*n], [2]float64{unit, unit}
	if a.Wavelength, err = a.value("/lambda_nm"); err != nil {
		return err
	}
	a.Wavelength *= 1e-9
	if a.Distance, err = a.value("/z_m"); err != nil {
		return err
	}
	a.PixelHeight, err = a.value("/ccd_pixel_um")
	a.PixelHeight *= 1e-6
	a.PixelWidth = a.PixelHeight
	return err
}
