package format

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/core/scan"
)

// describeMetadata reads the pixel size and the geometry from the metadata. Invalid metadata is noted, not an error.
func (z scanFile) describeMetadata(d *Description) error {
	text, err := z.Text(keyMetadata)
	var e *npz.Error
	switch {
	case errors.As(err, &e):
		d.Notes = append(d.Notes, fmt.Sprintf("%s is ignored: %s", keyMetadata, e.What))
		return nil
	case err != nil:
		return err
	}
	d.Metadata = text
	var meta map[string]any
	if err := json.Unmarshal([]byte(text), &meta); err != nil {
		d.Notes = append(d.Notes, fmt.Sprintf("%s cannot be read: %v", keyMetadata, err))
		return nil
	}
	for _, q := range []struct {
		key      string
		to       *float64
		possible physics.Possible
	}{
		{"pixel_size_m", &d.PixelSize, physics.PossibleObjectPixel},
		{"wavelength_m", &d.Geometry.Wavelength, physics.PossibleWavelength},
		{"distance_m", &d.Geometry.Distance, physics.PossibleDistance},
		{"detector_pixel_size_m", &d.Geometry.DetectorPixel, physics.PossibleDetectorPixel},
	} {
		switch v := meta[q.key].(type) {
		case nil:
		case float64:
			if q.possible.Has(v) {
				*q.to = v
			} else if v != 0 { // 0 stands for unknown
				d.Notes = append(d.Notes, fmt.Sprintf("%s of %s is not used: it is %v, and %v to %v m are possible", q.key, keyMetadata, v, q.possible.Low, q.possible.High))
			}
		default:
			d.Notes = append(d.Notes, fmt.Sprintf("%s of %s is not used: it is not a number", q.key, keyMetadata))
		}
	}
	if pixel := d.Geometry.ObjectPixel(d.N); pixel > 0 && d.PixelSize > 0 && math.Abs(pixel/d.PixelSize-1) > sameSize {
		d.Notes = append(d.Notes, fmt.Sprintf("wavelength, distance and detector pixel of %s are not used: they give object pixels of %.6g m, and pixel_size_m is %.6g m", keyMetadata, pixel, d.PixelSize))
		d.Geometry = scan.Geometry{}
	}
	return nil
}

// sameSize is the relative difference up to which two sizes of a pixel are the same.
const sameSize = 1e-4

// saysCounts is the member of the metadata, a JSON object, of a file whose patterns are counts that need not be whole numbers.
const saysCounts = "diffraction_units"

// holdsCounts reports whether metadata says that the patterns are counts.
func holdsCounts(metadata string) bool {
	var meta map[string]any
	return json.Unmarshal([]byte(metadata), &meta) == nil && meta[saysCounts] == string(Counts)
}
