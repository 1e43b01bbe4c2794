package acquisition

import (
	"fmt"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/physics"
)

// readMATLAB reads the file that NSLS-II's programs save from MATLAB (v7.3, which is HDF5): lengths in µm, energy in keV. MATLAB
// stores the axes of an array in reverse, so that a pattern and the probe are transposed, and positions are [2 or 3, n].
func readMATLAB(a *Acquisition) error {
	d, err := a.file.Dataset("/det_data")
	if err != nil {
		return err
	}
	if shape := d.Shape(); len(shape) != 3 {
		return fmt.Errorf("/det_data has the shape %d, want [patterns, columns, rows]", shape)
	}
	if err := a.add(transposed{dataset{d}}); err != nil {
		return err
	}
	p, err := a.file.Dataset("/pos_xy")
	if err != nil {
		return err
	}
	shape := p.Shape()
	if len(shape) != 2 || shape[0] != 2 && shape[0] != 3 || shape[1] > maxPositions {
		return fmt.Errorf("/pos_xy has the shape %d, want [2 or 3, positions]", shape)
	}
	all, err := hdf5.ReadAll[float64](p)
	if err != nil {
		return err
	}
	n := int(shape[1])
	unit, err := a.unitOf(p, um)
	if err != nil {
		return err
	}
	x := all[len(all)-2*n:] // of three rows the first numbers the positions
	scaleBy(x, unit)
	a.X, a.Y, a.unit = x[:n:n], x[n:], [2]float64{unit, unit}
	energy, err := a.physical("energy", entry{"/energy", 1e3 * electron})
	if err != nil {
		return err
	}
	if energy > 0 {
		a.Wavelength = physics.PhotonWavelength(energy)
	}
	if a.Distance, err = a.physical("distance", entry{"/det_dist", 1e-6}); err != nil {
		return err
	}
	a.PixelHeight, err = a.physical("size of a pixel", entry{"/det_pixel_size", 1e-6})
	a.PixelWidth = a.PixelHeight
	if err != nil {
		return err
	}
	return a.matlabProbe()
}

// matlabProbe reads the probe, whose axes are reversed too.
func (a *Acquisition) matlabProbe() error {
	probe, err := a.first("/prb")
	if err != nil || probe == nil {
		return err
	}
	if shape := probe.Shape(); len(shape) == 3 {
		return a.takeProbe(transposed{dataset{probe}})
	} else if len(shape) != 2 {
		return a.readProbe(probe)
	}
	if err := a.readProbe(probe); err != nil || a.Probe == nil {
		return err
	}
	h, w := a.probeShape[1], a.probeShape[0]
	transpose(a.Probe, h, w)
	a.probeShape = [2]int{h, w}
	return nil
}
