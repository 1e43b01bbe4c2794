package acquisition

import (
	"fmt"
	"path"

	"github.com/ptychogo/ptycho/core/hdf5"
)

// datacube returns the group of the first data cube of a file of emdfile, which py4DSTEM 0.14 writes: / is a file, one of its groups a
// root, and one of its arrays a DataCube.
func datacube(f *hdf5.File) (cube, root string) {
	groups := func(parent, attribute string, value string) (found []string) {
		g, err := f.Group(parent)
		if err != nil {
			return nil
		}
		links, err := g.Links()
		if err != nil {
			return nil
		}
		for _, l := range links {
			child := path.Join(parent, l.Name)
			o, err := f.Open(child)
			if err != nil {
				continue
			}
			if text, err := attributeText(o, attribute); err == nil && text == value {
				found = append(found, child)
			}
		}
		return found
	}
	for _, root := range groups("/", "emd_group_type", "root") {
		for _, cube := range groups(root, "python_class", "DataCube") {
			return cube, root
		}
	}
	return "", ""
}

func isEMD(f *hdf5.File) bool {
	cube, _ := datacube(f)
	return cube != ""
}

// readEMD reads a data cube [scan rows, scan columns, H, W] with its calibration. Positions are those of the raster.
func readEMD(a *Acquisition) error {
	cube, root := datacube(a.file)
	d, err := a.file.Dataset(cube + "/data")
	if err != nil {
		return err
	}
	shape := d.Shape()
	if len(shape) != 4 {
		return fmt.Errorf("%s has the shape %d, and a data cube has [scan rows, scan columns, rows, columns]", d.Path(), shape)
	}
	if err := a.stack(d); err != nil {
		return err
	}
	calibration := root + "/metadatabundle/calibration/"
	step, err := a.calibrated(calibration, "R", map[string]float64{"A": 1e-10, "Å": 1e-10, "nm": 1e-9, "um": 1e-6, "µm": 1e-6, "m": 1})
	if err != nil {
		return err
	}
	if step == 0 {
		a.absent = "its calibration does not say the step of the scan in a length"
	} else {
		a.raster(int(shape[0]), int(shape[1]), step)
	}
	sampling, err := a.calibrated(calibration, "Q", map[string]float64{"A^-1": 1e10, "1/A": 1e10, "nm^-1": 1e9, "1/nm": 1e9})
	if err != nil {
		return err
	}
	if sampling > 0 {
		a.ObjectPixel = 1 / (sampling * float64(min(a.Height, a.Width)/2*2))
	}
	if flip, _, err := a.number(calibration + "QR_flip"); err != nil {
		return err
	} else if flip != 0 {
		a.Notes = append(a.Notes, "the calibration says QR_flip: the positions are exchanged against the detector, which is not applied; convert does it with --positions exchange")
	}
	if rotation, ok, err := a.number(calibration + "QR_rotation_degrees"); err != nil {
		return err
	} else if ok && rotation != 0 {
		a.Notes = append(a.Notes, fmt.Sprintf("the calibration says that the scan is rotated by %.4g° against the detector, which is not applied", rotation))
	}
	return nil
}

// calibrated returns the pixel size of R (the scan) or Q (the detector) in m or 1/m, 0 where its unit is not one of these.
func (a *Acquisition) calibrated(group, space string, units map[string]float64) (float64, error) {
	size, ok, err := a.number(group + space + "_pixel_size")
	if err != nil || !ok {
		return 0, err
	}
	unit, err := a.text(group + space + "_pixel_units")
	if err != nil {
		return 0, err
	}
	if units[unit] == 0 {
		a.Notes = append(a.Notes, fmt.Sprintf("%s_pixel_size is %v %s, which does not give a size", space, size, unit))
	}
	return size * units[unit], nil
}

// raster sets the positions of a scan row by row.
func (a *Acquisition) raster(rows, columns int, step float64) {
	if rows*columns > maxPositions {
		return
	}
	for r := range rows {
		for c := range columns {
			a.Y, a.X = append(a.Y, float64(r)*step), append(a.X, float64(c)*step)
		}
	}
}
